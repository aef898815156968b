package littoral.onnx

import ai.onnxruntime.OnnxJavaType
import ai.onnxruntime.OnnxTensor
import ai.onnxruntime.OrtEnvironment
import ai.onnxruntime.OrtException
import ai.onnxruntime.OrtLoggingLevel
import ai.onnxruntime.OrtSession
import littoral.Binding
import littoral.DType
import littoral.EngineError
import littoral.FormatError
import littoral.ModelFile
import littoral.Session
import littoral.Settings
import littoral.Tensor
import littoral.TensorSpec
import littoral.Weights
import java.nio.ByteBuffer
import java.nio.ByteOrder

/** The library's own version; throws what the JVM does where it is not there. */
internal fun libraryVersion(): String = OrtEnvironment.getEnvironment().version

/** Load a file's bytes. */
internal fun openSession(file: ModelFile, settings: Settings): Session {
    val environment = OrtEnvironment.getEnvironment()
    val weights = file.weights.associate { it.name to tensorOf(environment, it) }
    val session = OrtSession.SessionOptions().use { options ->
        options.setIntraOpNumThreads(settings.threads)
        options.setInterOpNumThreads(settings.threads)
        options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.ALL_OPT)
        options.setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL)
        try {
            apply(settings, options)
            if (weights.isNotEmpty()) options.addExternalInitializers(weights)
            environment.createSession(file.content, options)
        } catch (error: OrtException) {
            weights.values.forEach { it.close() }
            throw FormatError("ONNX Runtime refuses the file: ${reasonOf(error)}", error)
        }
    }
    return OnnxRuntimeSession(environment, session, file.inputs, file.outputs, weights.values)
}

/** The library's own message on one line, without what is only for its developers. */
internal fun reasonOf(error: OrtException): String =
    error.message.orEmpty().split(Regex("\\s+")).joinToString(" ").take(LONGEST_REASON)

private const val LONGEST_REASON = 240

/** One OrtSession. Inputs are direct buffers that live as long as the binding. */
internal class OnnxRuntimeSession(
    private val environment: OrtEnvironment,
    private var session: OrtSession?,
    private val inputs: List<TensorSpec>,
    private val outputs: List<TensorSpec>,
    private val weights: Collection<OnnxTensor>,
) : Session {
    private var binding: OnnxBinding? = null

    override fun bind(shapes: List<List<Int>>): Binding {
        binding?.close()
        binding = null
        val open = session ?: throw EngineError("the session is closed")
        return OnnxBinding(open, shapes).also { binding = it }
    }

    override fun reset() = Unit

    override fun close() {
        binding?.close()
        binding = null
        session?.close()
        session = null
        weights.forEach { it.close() }
    }

    private inner class OnnxBinding(
        private val open: OrtSession,
        private val shapes: List<List<Int>>,
    ) : Binding, AutoCloseable {
        private val buffers = inputs.zip(shapes) { spec, shape ->
            val bytes = shape.fold(spec.dtype.size, Int::times)
            ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder())
        }
        private val tensors: MutableList<OnnxTensor?> = inputs.indices.map { wrapped(it) }.toMutableList()
        private var results: OrtSession.Result? = null

        override fun fill(index: Int, value: Tensor) {
            if (!value.dtype.isText) return value.write(buffers[index])
            tensors[index]?.close()
            tensors[index] = OnnxTensor.createTensor(environment, value.texts, longs(value.shape))
        }

        override fun invoke() {
            results?.close()
            results = null
            val feed = inputs.indices.associate { inputs[it].name to tensors[it] }
            try {
                results = open.run(feed, outputs.mapTo(LinkedHashSet()) { it.name })
            } catch (error: OrtException) {
                throw EngineError("ONNX Runtime failed: ${reasonOf(error)}", error)
            }
        }

        override fun read(index: Int): Tensor {
            val spec = outputs[index]
            val value = results?.get(spec.name)?.orElse(null) as? OnnxTensor
                ?: throw EngineError("output ${spec.name} is no tensor")
            val shape = value.info.shape.map { it.toInt() }
            if (spec.dtype == DType.TEXT) return texts(value, shape)
            // getByteBuffer copies every element of float tensors through a boxed view; the typed
            // buffers are views of the native memory.
            return Tensor.read(spec.dtype, shape, value.byteBuffer.order(ByteOrder.nativeOrder()))
        }

        override fun close() {
            results?.close()
            results = null
            tensors.forEach { it?.close() }
        }

        private fun wrapped(index: Int): OnnxTensor? {
            val type = TYPES[inputs[index].dtype] ?: return null
            return OnnxTensor.createTensor(environment, buffers[index], longs(shapes[index]), type)
        }
    }
}

private val TYPES = mapOf(
    DType.FLOAT32 to OnnxJavaType.FLOAT,
    DType.FLOAT64 to OnnxJavaType.DOUBLE,
    DType.FLOAT16 to OnnxJavaType.FLOAT16,
    DType.INT8 to OnnxJavaType.INT8,
    DType.UINT8 to OnnxJavaType.UINT8,
    DType.INT16 to OnnxJavaType.INT16,
    DType.INT32 to OnnxJavaType.INT32,
    DType.INT64 to OnnxJavaType.INT64,
    DType.BOOL to OnnxJavaType.BOOL,
)

/** Weights of the file that are not in it; their memory is not copied. */
internal fun tensorOf(environment: OrtEnvironment, weights: Weights): OnnxTensor =
    OnnxTensor.createTensor(environment, weights.content, longs(weights.shape), TYPES[weights.dtype])

private fun longs(shape: List<Int>) = LongArray(shape.size) { shape[it].toLong() }

private fun texts(value: OnnxTensor, shape: List<Int>): Tensor {
    val flat = ArrayList<String>()
    flatten(value.value, flat)
    return Tensor.of(flat.toTypedArray(), *shape.toIntArray())
}

private fun flatten(part: Any?, into: MutableList<String>) {
    if (part is Array<*>) part.forEach { flatten(it, into) } else into += part.toString()
}
