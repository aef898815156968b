package littoral.onnx

import littoral.Engine
import littoral.EngineNotInstalled
import littoral.ModelFile
import littoral.Session
import littoral.Settings

/**
 * ONNX Runtime, on the CPU. Found through `META-INF/services`; nothing has to name it.
 *
 * Its Java API is the same on the desktop and on Android. What needs it is in other files: an app may not
 * contain it, and a class that names it cannot even be made then.
 */
public class OnnxRuntimeEngine : Engine {
    override val name: String = "onnxruntime"
    override val formats: Set<String> = setOf("onnx")
    override val dependency: String = "com.microsoft.onnxruntime:onnxruntime-android:$PINNED"

    /** Those of Python's engine of this name, with the providers that are on Android. */
    override val options: List<String> = (
        "providers XNNPACK.* QNN.* optimization execution inter_op_threads memory_arena memory_pattern dimension.* " +
            "config.* profile optimized_model custom_ops"
    ).split(' ')

    override fun version(): String? = try {
        "onnxruntime ${installed()}"
    } catch (_: EngineNotInstalled) {
        null
    }

    override fun open(file: ModelFile, settings: Settings): Session {
        installed()
        return openSession(file, settings)
    }

    private fun installed(): String = try {
        libraryVersion()
    } catch (error: NoClassDefFoundError) {
        throw EngineNotInstalled(
            "an .onnx file needs an engine: add implementation(\"$dependency\") to the app",
            error,
        )
    } catch (error: UnsatisfiedLinkError) {
        throw broken(error)
    } catch (error: ExceptionInInitializerError) {
        throw broken(error)
    }

    private fun broken(error: Throwable): EngineNotInstalled {
        val why = error.cause?.message ?: error.message
        return EngineNotInstalled("onnxruntime is installed but does not load: $why", error)
    }
}

/** The release that the tests run; the pom and the version catalog hold the same number. */
private const val PINNED = "1.29.0"
