package littoral.formats

import littoral.FormatError
import littoral.quoted
import java.math.BigInteger

private const val DIMS = 1
private const val TYPE = 2L
private const val NAME = 8
private const val LOCATION = 14L
private val PLACES = listOf(9L, 4L, 10L)

/** Bits of one item by type number; 0 for types that have no fixed size or are too new. */
private val BITS =
    intArrayOf(0, 32, 8, 8, 16, 16, 32, 64, 0, 8, 16, 64, 32, 64, 64, 128, 16, 8, 8, 8, 8, 4, 4)

/**
 * Refuse a constant of an .onnx file that has more or fewer values than its shape says: ONNX Runtime names
 * all else that is wrong with a file.
 *
 * @throws FormatError The message says which.
 */
internal fun checkConstant(tensor: Message) {
    val held = HashMap<Long, Int>()
    val numbers = HashMap<Long, Long>()
    for (field in tensor.fields()) {
        if (field.wire == BYTES) held[field.number] = field.end - field.start
        if (field.wire == VARINT) numbers[field.number] = field.value
    }
    val bits = BITS.getOrElse((numbers[TYPE] ?: 0).coerceIn(-1L, 99L).toInt()) { 0 }
    if (bits == 0 || (numbers[LOCATION] ?: 0) != 0L) return
    val dims = tensor.numbers(DIMS)
    if (dims.any { it < 0 }) {
        throw FormatError("constant ${quoted(tensor.text(NAME))} has a negative size: it is damaged")
    }
    val items = dims.fold(BigInteger.ONE) { count, size -> count * BigInteger.valueOf(size) }
    val needed = (items * BigInteger.valueOf(bits.toLong()) + BigInteger.valueOf(7)) / BigInteger.valueOf(8)
    for (place in PLACES) {
        val bytes = held[place] ?: 0
        if (bytes != 0 && BigInteger.valueOf(bytes.toLong()) != needed) {
            throw FormatError(
                "constant ${quoted(tensor.text(NAME))} of shape $dims needs $needed bytes and has $bytes: " +
                    "the file is damaged",
            )
        }
    }
}
