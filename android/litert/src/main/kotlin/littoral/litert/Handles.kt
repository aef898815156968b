package littoral.litert

import com.sun.jna.Memory
import com.sun.jna.Native
import com.sun.jna.Pointer
import com.sun.jna.ptr.PointerByReference
import littoral.DType
import littoral.EngineError

/** What LiteRT returned instead of success. */
internal class StatusError(val status: Int) : Exception("${STATUS[status] ?: "error"} (status $status)")

/** Throw for a status that is not success. */
internal fun check(status: Int) {
    if (status != LiteRtLibrary.OK) throw StatusError(status)
}

/** The pointer that a function stores, once the function's status is checked. */
internal inline fun made(create: (PointerByReference) -> Int): Pointer {
    val reference = PointerByReference()
    check(create(reference))
    return reference.value ?: throw StatusError(UNKNOWN)
}

/** Compilation options: CPU, a number of threads, with XNNPACK or the engine's own kernels alone. */
internal fun options(threads: Int, hasXnnpack: Boolean): Pointer {
    val options = made(LiteRtLibrary::LiteRtCreateOptions)
    check(LiteRtLibrary.LiteRtSetOptionsHardwareAccelerators(options, LiteRtLibrary.CPU))
    // The CPU options travel as TOML; the functions that write it are not exported.
    val kernels = if (hasXnnpack) "" else "kernel_mode = $BUILTIN\n"
    val text = "num_threads = $threads\n$kernels".toByteArray()
    val payload = Pointer(Native.malloc(text.size + 1L))
    payload.write(0, text, 0, text.size)
    payload.setByte(text.size.toLong(), 0)
    val opaque = made {
        LiteRtLibrary.LiteRtCreateOpaqueOptions("xnnpack", payload, LiteRtLibrary.freeFunction(), it)
    }
    check(LiteRtLibrary.LiteRtAddOpaqueOptions(options, opaque))
    return options
}

/**
 * `LiteRtRankedTensorType`: the element type (4 bytes), then the layout: rank in the low 7 bits of 4
 * bytes, 8 sizes, 8 strides.
 */
internal fun rankedType(dtype: DType, shape: List<Int>): Memory {
    if (shape.size > MOST_AXES) throw EngineError("LiteRT takes at most $MOST_AXES axes, not ${shape.size}")
    val type = Memory(4L + LAYOUT_BYTES)
    type.clear()
    type.setInt(0, ELEMENT_TYPES.getValue(dtype))
    type.setInt(4, shape.size)
    shape.forEachIndexed { axis, size -> type.setInt(8L + 4 * axis, size) }
    return type
}

/** The sizes in a `LiteRtLayout`. */
internal fun sizes(layout: Pointer): List<Int> {
    val rank = layout.getInt(0) and RANK_BITS
    return List(minOf(rank, MOST_AXES)) { layout.getInt(4L + 4 * it) }
}

internal const val LAYOUT_BYTES = 68L
private const val BUILTIN = 2
private const val MOST_AXES = 8
private const val RANK_BITS = 0x7f
private const val UNKNOWN = 9

private val ELEMENT_TYPES = mapOf(
    DType.FLOAT32 to 1, DType.INT32 to 2, DType.UINT8 to 3, DType.INT64 to 4, DType.BOOL to 6,
    DType.INT16 to 7, DType.INT8 to 9, DType.FLOAT16 to 10, DType.FLOAT64 to 11, DType.UINT64 to 13,
    DType.UINT32 to 16, DType.UINT16 to 17,
)

private val STATUS = mapOf(
    1 to "an argument that it does not take",
    2 to "not enough memory",
    3 to "the run failed",
    4 to "an input is missing",
    5 to "not supported",
    500 to "the file cannot be read",
    501 to "not a valid FlatBuffer",
    504 to "the model cannot be prepared",
    1000 to "an index is out of bounds",
)
