package littoral.onnx

import ai.onnxruntime.OrtEnvironment
import ai.onnxruntime.OrtException
import ai.onnxruntime.OrtSession.SessionOptions
import littoral.InputError
import littoral.Settings

private val LEVELS = mapOf(
    "disable" to SessionOptions.OptLevel.NO_OPT,
    "basic" to SessionOptions.OptLevel.BASIC_OPT,
    "extended" to SessionOptions.OptLevel.EXTENDED_OPT,
    "all" to SessionOptions.OptLevel.ALL_OPT,
)
private val MODES = mapOf(
    "sequential" to SessionOptions.ExecutionMode.SEQUENTIAL,
    "parallel" to SessionOptions.ExecutionMode.PARALLEL,
)
private const val ENDING = "ExecutionProvider"

/**
 * Set the options that are asked for: execution providers with options of their own, and the session's.
 *
 * @throws InputError A value that an option does not take, or a provider that this build has not.
 */
internal fun apply(settings: Settings, options: SessionOptions) {
    settings.listed("providers")?.forEach { add(it, settings, options) }
    settings.chosen("optimization", LEVELS)?.let(options::setOptimizationLevel)
    settings.chosen("execution", MODES)?.let(options::setExecutionMode)
    settings.whole("inter_op_threads")?.let(options::setInterOpNumThreads)
    settings.switch("memory_arena")?.let(options::setCPUArenaAllocator)
    settings.switch("memory_pattern")?.let(options::setMemoryPatternOptimization)
    for (name in settings.group("dimension.").keys) {
        options.setSymbolicDimensionValue(name, settings.whole("dimension.$name")?.toLong() ?: 1)
    }
    for ((name, value) in settings.group("config.")) options.addConfigEntry(name, value)
    settings.text("profile")?.let(options::enableProfiling)
    settings.text("optimized_model")?.let(options::setOptimizedModelFilePath)
    settings.text("custom_ops")?.let { path ->
        try {
            options.registerCustomOpLibrary(path)
        } catch (error: OrtException) {
            throw InputError("option custom_ops: $path does not load: ${reasonOf(error)}", error)
        }
    }
}

private fun add(wanted: String, settings: Settings, options: SessionOptions) {
    val available = OrtEnvironment.getAvailableProviders().map { it.getName().removeSuffix(ENDING) }
    val name = available.firstOrNull { it.equals(wanted.removeSuffix(ENDING), ignoreCase = true) }
    when (name?.uppercase()) {
        "CPU" -> options.addCPU(true)
        "NNAPI" -> options.addNnapi()
        "XNNPACK" -> options.addXnnpack(settings.group("XNNPACK."))
        "QNN" -> options.addQnn(settings.group("QNN."))
        else -> throw InputError(
            "option providers: this onnxruntime has no $wanted: choose from ${available.joinToString()}; other " +
                "builds of it (onnxruntime-android-qnn) have others",
        )
    }
}
