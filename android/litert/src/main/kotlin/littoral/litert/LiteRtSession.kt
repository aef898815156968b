package littoral.litert

import com.sun.jna.Memory
import com.sun.jna.Native
import com.sun.jna.Pointer
import littoral.Binding
import littoral.DType
import littoral.EngineError
import littoral.FormatError
import littoral.ModelFile
import littoral.Session
import littoral.Tensor
import littoral.TensorSpec
import java.nio.ByteBuffer
import java.nio.ByteOrder

/**
 * One compiled model. The file's bytes lie in native memory as long as the session lives: LiteRT reads
 * the weights from there.
 */
internal class LiteRtSession(
    private val file: ModelFile,
    private val threads: Int,
    private val hasXnnpack: Boolean,
) : Session {
    private val signature = file.signature.toLong()

    // Weights are read in place, and kernels want them at a multiple of 64.
    private val memory = Memory(file.content.size.toLong() + ALIGNMENT)
    private var model: Pointer? = null
    private var compiled: Pointer? = null
    private var binding: LiteRtBinding? = null

    init {
        refuseText(file.inputs + file.outputs)
        val content = memory.align(ALIGNMENT)
        content.write(0, file.content, 0, file.content.size)
        try {
            model = made {
                val size = file.content.size.toLong()
                LiteRtLibrary.LiteRtCreateModelFromBuffer(environment, content, size, it)
            }
            compile()
        } catch (error: StatusError) {
            close()
            // The library's own words go to the log; of its reasons these are the ones to be expected.
            val hint = when {
                file.isStateful -> ": it takes no variables inside, convert with --streaming"
                file.signatures.size > 1 -> ": it takes no signature that shows less than its graph"
                else -> ""
            }
            throw FormatError("LiteRT refuses the file: ${error.message}$hint", error)
        }
    }

    override fun bind(shapes: List<List<Int>>): Binding {
        release()
        return try {
            LiteRtBinding(shapes).also { binding = it }
        } catch (error: StatusError) {
            throw EngineError(
                "LiteRT cannot prepare the model for inputs of shape ${shapes.joinToString()}: " +
                    "${error.message}",
                error,
            )
        }
    }

    /** Variables of the graph cannot be reset from outside, so the model is compiled anew. */
    override fun reset() {
        release()
        try {
            compile()
        } catch (error: StatusError) {
            throw EngineError("LiteRT cannot reset the model: ${error.message}", error)
        }
    }

    override fun close() {
        release()
        compiled?.let(LiteRtLibrary::LiteRtDestroyCompiledModel)
        compiled = null
        model?.let(LiteRtLibrary::LiteRtDestroyModel)
        model = null
        memory.close() // at once: the collector does not know how much native memory waits for it
    }

    private fun compile() {
        compiled?.let(LiteRtLibrary::LiteRtDestroyCompiledModel)
        compiled = null
        val options = options(threads, hasXnnpack)
        try {
            val loaded = model ?: throw EngineError("the session is closed")
            compiled = made { LiteRtLibrary.LiteRtCreateCompiledModel(environment, loaded, options, it) }
        } finally {
            LiteRtLibrary.LiteRtDestroyOptions(options)
        }
    }

    private fun release() {
        binding?.close()
        binding = null
    }

    private inner class LiteRtBinding(private val shapes: List<List<Int>>) : Binding, AutoCloseable {
        private val handles = ArrayList<Pointer>()
        private val open = compiled ?: throw EngineError("the session is closed")
        private val inputs: List<ByteBuffer>
        private val outputs: List<ByteBuffer>
        private val results: List<List<Int>>
        private val inputHandles: Memory
        private val outputHandles: Memory

        init {
            try {
                resize()
                results = outputShapes()
                inputs = file.inputs.zip(shapes, ::buffer)
                inputHandles = pointers(handles)
                outputs = file.outputs.zip(results, ::buffer)
                outputHandles = pointers(handles.drop(inputs.size))
            } catch (error: StatusError) {
                close()
                throw error
            }
        }

        override fun fill(index: Int, value: Tensor): Unit = value.write(inputs[index])

        override fun invoke() {
            val status = LiteRtLibrary.LiteRtRunCompiledModel(
                open, signature, inputs.size.toLong(), inputHandles, outputs.size.toLong(), outputHandles,
            )
            if (status != LiteRtLibrary.OK) {
                throw EngineError("LiteRT failed: ${StatusError(status).message}")
            }
        }

        override fun read(index: Int): Tensor =
            Tensor.read(file.outputs[index].dtype, results[index], outputs[index])

        override fun close() {
            handles.forEach(LiteRtLibrary::LiteRtDestroyTensorBuffer)
            handles.clear()
        }

        private fun resize() = Memory(LAYOUT_BYTES).use { layout ->
            shapes.forEachIndexed { index, shape ->
                val input = index.toLong()
                check(LiteRtLibrary.LiteRtGetCompiledModelInputTensorLayout(open, signature, input, layout))
                if (sizes(layout) != shape) {
                    val wanted = shape.toIntArray()
                    check(
                        LiteRtLibrary.LiteRtCompiledModelResizeInputTensorNonStrict(
                            open, signature, input, wanted, wanted.size.toLong(),
                        ),
                    )
                }
            }
        }

        private fun outputShapes(): List<List<Int>> {
            val count = file.outputs.size.toLong()
            val shapes = Memory(LAYOUT_BYTES * count).use { layouts ->
                check(
                    LiteRtLibrary.LiteRtGetCompiledModelOutputTensorLayouts(open, signature, count, layouts, true),
                )
                List(count.toInt()) { sizes(layouts.share(LAYOUT_BYTES * it)) }
            }
            file.outputs.zip(shapes).firstOrNull { (_, shape) -> shape.any { it < 0 } }?.let { (spec, _) ->
                throw EngineError(
                    "output ${spec.name} has a size that only a run tells, which LiteRT's compiled " +
                        "models do not give: use the .onnx file",
                )
            }
            return shapes
        }

        private fun buffer(spec: TensorSpec, shape: List<Int>): ByteBuffer {
            val bytes = shape.fold(spec.dtype.size.toLong(), Long::times)
            val buffer = rankedType(spec.dtype, shape).use { type ->
                made {
                    LiteRtLibrary.LiteRtCreateManagedTensorBuffer(
                        environment, LiteRtLibrary.HOST_MEMORY, type, bytes, it,
                    )
                }
            }
            handles += buffer
            val memory = made { LiteRtLibrary.LiteRtGetTensorBufferHostMemory(buffer, it) }
            return memory.getByteBuffer(0, bytes).order(ByteOrder.nativeOrder())
        }
    }

    private companion object {
        const val ALIGNMENT = 64

        /** One for the process: it holds the accelerators, no model. */
        val environment: Pointer by lazy {
            made { LiteRtLibrary.LiteRtCreateEnvironment(0, null, it) }
        }

        fun pointers(handles: List<Pointer>): Memory {
            val array = Memory(maxOf(1, handles.size) * Native.POINTER_SIZE.toLong())
            handles.forEachIndexed { index, handle ->
                array.setPointer(index * Native.POINTER_SIZE.toLong(), handle)
            }
            return array
        }

        fun refuseText(specs: List<TensorSpec>) {
            specs.firstOrNull { it.dtype == DType.TEXT }?.let {
                throw FormatError(
                    "${it.name} is text, which LiteRT's compiled models do not take: use the .onnx file",
                )
            }
        }
    }
}
