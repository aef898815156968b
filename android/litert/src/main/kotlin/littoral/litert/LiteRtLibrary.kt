@file:Suppress("FunctionName", "ktlint:standard:function-naming")

package littoral.litert

import com.sun.jna.Function
import com.sun.jna.Native
import com.sun.jna.NativeLibrary
import com.sun.jna.Pointer
import com.sun.jna.ptr.PointerByReference
import littoral.EngineNotInstalled

/**
 * LiteRT's C API, as the release that [PINNED] names has it. The names are those of the library.
 *
 * The API moves between releases without a version number in it: `LiteRtCreateModelFromBuffer` took
 * two arguments fewer once. [load] therefore looks for functions that only the pinned line has.
 */
internal object LiteRtLibrary {
    /** The release that the tests run; the pom and the version catalog hold the same number. */
    const val PINNED = "2.3.0"

    /** A property that names the library's file, for JVMs where it lies on no library path. */
    const val PROPERTY = "littoral.litert.library"

    const val OK = 0
    const val CPU = 1
    const val HOST_MEMORY = 1

    /** Functions that 2.3 has and 2.1 and 2.2 do not. */
    private val TELLING = listOf("LiteRtCompiledModelIsNonCpuFullyAccelerated", "LiteRtAppendMetric")

    private val loaded: Result<Unit> by lazy { runCatching { bindTo(path()) } }

    /** Load the library once. */
    fun load() {
        loaded.getOrElse { throw it as? EngineNotInstalled ?: doesNotLoad(it) }
    }

    /** Check a library and bind this object's functions to it. */
    private fun bindTo(path: String) {
        val library = try {
            NativeLibrary.getInstance(path)
        } catch (error: UnsatisfiedLinkError) {
            throw missing(error)
        }
        val absent = TELLING.filterNot { has(library, it) }
        if (absent.isNotEmpty()) {
            throw EngineNotInstalled(
                "LiteRT is installed in another version than $PINNED (it has no ${absent[0]}): " +
                    "add implementation(\"${LiteRtEngine.DEPENDENCY}\") to the app",
            )
        }
        Native.register(LiteRtLibrary::class.java, library)
    }

    private fun has(library: NativeLibrary, name: String): Boolean = try {
        library.getFunction(name)
        true
    } catch (_: UnsatisfiedLinkError) {
        false
    }

    private fun path(): String = System.getProperty(PROPERTY)?.takeIf { it.isNotEmpty() } ?: "LiteRt"

    private fun missing(error: Throwable) = EngineNotInstalled(
        "a .tflite file needs an engine: add implementation(\"${LiteRtEngine.DEPENDENCY}\") to the app",
        error,
    )

    private fun doesNotLoad(error: Throwable) =
        EngineNotInstalled("LiteRT is installed but does not load: ${error.message}", error)

    /** The C library's `free`, which owns what [Native.malloc] gave. */
    fun freeFunction(): Pointer = Function.getFunction(null, "free")

    @JvmStatic
    external fun LiteRtCreateEnvironment(count: Int, options: Pointer?, made: PointerByReference): Int

    @JvmStatic
    external fun LiteRtCreateModelFromBuffer(
        environment: Pointer,
        content: Pointer,
        size: Long,
        made: PointerByReference,
    ): Int

    @JvmStatic
    external fun LiteRtDestroyModel(model: Pointer)

    @JvmStatic
    external fun LiteRtCreateOptions(made: PointerByReference): Int

    @JvmStatic
    external fun LiteRtDestroyOptions(options: Pointer)

    @JvmStatic
    external fun LiteRtSetOptionsHardwareAccelerators(options: Pointer, accelerators: Int): Int

    @JvmStatic
    external fun LiteRtCreateOpaqueOptions(
        identifier: String,
        payload: Pointer,
        release: Pointer,
        made: PointerByReference,
    ): Int

    @JvmStatic
    external fun LiteRtAddOpaqueOptions(options: Pointer, opaque: Pointer): Int

    @JvmStatic
    external fun LiteRtCreateCompiledModel(
        environment: Pointer,
        model: Pointer,
        options: Pointer,
        made: PointerByReference,
    ): Int

    @JvmStatic
    external fun LiteRtDestroyCompiledModel(compiled: Pointer)

    @JvmStatic
    external fun LiteRtCompiledModelResizeInputTensorNonStrict(
        compiled: Pointer,
        signature: Long,
        input: Long,
        sizes: IntArray,
        count: Long,
    ): Int

    @JvmStatic
    external fun LiteRtGetCompiledModelInputTensorLayout(
        compiled: Pointer,
        signature: Long,
        input: Long,
        layout: Pointer,
    ): Int

    @JvmStatic
    external fun LiteRtGetCompiledModelOutputTensorLayouts(
        compiled: Pointer,
        signature: Long,
        count: Long,
        layouts: Pointer,
        update: Boolean,
    ): Int

    @JvmStatic
    external fun LiteRtCreateManagedTensorBuffer(
        environment: Pointer,
        kind: Int,
        type: Pointer,
        size: Long,
        made: PointerByReference,
    ): Int

    @JvmStatic
    external fun LiteRtDestroyTensorBuffer(buffer: Pointer)

    @JvmStatic
    external fun LiteRtGetTensorBufferHostMemory(buffer: Pointer, memory: PointerByReference): Int

    @JvmStatic
    external fun LiteRtRunCompiledModel(
        compiled: Pointer,
        signature: Long,
        inputCount: Long,
        inputs: Pointer,
        outputCount: Long,
        outputs: Pointer,
    ): Int
}
