package littoral.formats

import littoral.FormatError

internal const val VARINT = 0
private const val FIXED64 = 1
internal const val BYTES = 2
private const val FIXED32 = 5
private const val LONGEST_VARINT = 10

/**
 * One field of a message.
 *
 * @property number The field's number in its schema.
 * @property wire The wire type.
 * @property value The number itself for a varint, else 0.
 * @property start Where the payload begins.
 * @property end Where it ends.
 */
internal class Field(
    val number: Long,
    val wire: Int,
    val value: Long,
    val start: Int,
    val end: Int,
)

/**
 * A protobuf message between two bounds of a file that nobody vouches for, read without a schema.
 *
 * A sub-message is a pair of bounds into the same bytes, so walking past large weights copies nothing.
 */
internal class Message(
    private val content: ByteArray,
    private val start: Int = 0,
    private val end: Int = content.size,
) {
    /** The fields in the order of the file. */
    fun fields(): List<Field> {
        val found = ArrayList<Field>()
        var position = start
        while (position < end) found += field(position).also { position = it.end }
        return found
    }

    /** The message that a length-delimited field holds. */
    fun sub(field: Field): Message {
        if (field.wire != BYTES) {
            throw FormatError("protobuf field ${field.number} is no message: the file is damaged")
        }
        return Message(content, field.start, field.end)
    }

    /** Every sub-message with a field number, in order. */
    fun all(number: Int): List<Message> =
        fields().filter { it.number == number.toLong() }.map { sub(it) }

    /** The first sub-message with a field number, null when there is none. */
    fun first(number: Int): Message? =
        fields().firstOrNull { it.number == number.toLong() }?.let { sub(it) }

    /** The bytes of the last field with a number, as protobuf wants it; empty when absent. */
    fun blob(number: Int): ByteArray = fields()
        .lastOrNull { it.number == number.toLong() && it.wire == BYTES }
        ?.let { content.copyOfRange(it.start, it.end) } ?: ByteArray(0)

    /** Like [blob], decoded. */
    fun text(number: Int): String = String(blob(number), Charsets.UTF_8)

    /** The last varint with a field number. */
    fun number(number: Int, default: Long = 0): Long = fields()
        .lastOrNull { it.number == number.toLong() && it.wire == VARINT }?.value ?: default

    /** A repeated varint, packed or not. */
    fun numbers(number: Int): List<Long> = fields().filter { it.number == number.toLong() }.flatMap { field ->
        if (field.wire == VARINT) listOf(field.value) else packed(field)
    }

    private fun packed(field: Field): List<Long> {
        val found = ArrayList<Long>()
        var position = field.start
        while (field.wire == BYTES && position < field.end) {
            val (value, after) = varint(position, field.end)
            found += value
            position = after
        }
        return found
    }

    private fun field(position: Int): Field {
        val (key, afterKey) = varint(position, end)
        val number = key ushr 3
        val wire = (key and 7).toInt()
        if (number == 0L) {
            throw FormatError("protobuf field number 0 at byte $position: the file is damaged")
        }
        var start = afterKey
        var value = 0L
        val stop: Long = when (wire) {
            VARINT -> varint(start, end).let { (found, after) -> after.toLong().also { value = found } }
            BYTES -> varint(start, end).let { (length, after) ->
                start = after
                if (length < 0) Long.MAX_VALUE else after + length
            }
            FIXED64 -> start + 8L
            FIXED32 -> start + 4L
            else -> throw FormatError("protobuf wire type $wire at byte $position: the file is damaged")
        }
        if (stop > end || stop < 0) {
            throw FormatError(
                "the protobuf field at byte $position ends at byte $stop of $end: " +
                    "the file is truncated or damaged",
            )
        }
        return Field(number, wire, value, start, stop.toInt())
    }

    private fun varint(position: Int, end: Int): Pair<Long, Int> {
        var value = 0L
        for (k in 0 until LONGEST_VARINT) {
            if (position + k >= end) {
                throw FormatError("a protobuf number runs past its message: the file is truncated")
            }
            val byte = content[position + k].toInt() and 0xff
            value = value or ((byte and 0x7f).toLong() shl (7 * k))
            if (byte < 0x80) return value to position + k + 1
        }
        throw FormatError("a protobuf number at byte $position never ends: the file is damaged")
    }
}
