package littoral.formats

import littoral.FormatError
import java.nio.ByteBuffer
import java.nio.ByteOrder

private const val VISITS_PER_BYTE = 2L
private const val FREE_VISITS = 1024L

/**
 * Reading a FlatBuffer that nobody vouches for: every offset is checked before it is followed.
 *
 * Offsets only lead forward, so there are no cycles; but they can share targets, which makes a small
 * file look enormous. [budget] bounds the work by the file's size.
 */
internal class FlatBuffer(val content: ByteArray) {
    private val buffer = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN)
    private var budget = FREE_VISITS + VISITS_PER_BYTE * content.size

    /** The root table. */
    fun root(): Table = Table(this, follow(0))

    fun byteAt(position: Long): Int = buffer.get(inside(position, 1)).toInt()

    fun shortAt(position: Long): Int = buffer.getShort(inside(position, 2)).toInt() and 0xffff

    fun intAt(position: Long): Int = buffer.getInt(inside(position, 4))

    fun longAt(position: Long): Long = buffer.getLong(inside(position, 8))

    fun floatAt(position: Long): Float = buffer.getFloat(inside(position, 4))

    fun unsignedAt(position: Long): Long = intAt(position).toLong() and 0xffffffffL

    /** Where the unsigned offset stored at a position leads. */
    fun follow(position: Long): Long = position + unsignedAt(position)

    /** Check that a vector of [count] elements of [size] bytes is inside, and pay for it. */
    fun spend(count: Long, size: Int, position: Long) {
        budget -= count + 1
        if (position + count * size > content.size || budget < 0) {
            throw FormatError(
                "a FlatBuffer vector of $count elements at byte $position does not fit into " +
                    "the file's ${content.size} bytes: it is truncated or damaged",
            )
        }
    }

    private fun inside(position: Long, size: Int): Int {
        if (position < 0) throw FormatError("a FlatBuffer offset points before the file's start")
        if (position + size > content.size) {
            throw FormatError(
                "a FlatBuffer offset points to byte $position of ${content.size}: " +
                    "the file is truncated or damaged",
            )
        }
        return position.toInt()
    }
}

/** One table, read lazily by field id. */
internal class Table(private val source: FlatBuffer, private val position: Long) {
    private val entries: IntArray
    private val inline: Int

    init {
        source.spend(0, 0, 0)
        val vtable = position - source.intAt(position)
        val size = source.shortAt(vtable)
        inline = source.shortAt(vtable + 2)
        if (size < 4 || size % 2 != 0 || inline < 4 || position + inline > source.content.size) {
            throw FormatError("a FlatBuffer table has no sound vtable: the file is damaged")
        }
        source.spend(0, 1, vtable + size)
        entries = IntArray((size - 4) / 2) { source.shortAt(vtable + 4 + 2 * it) }
    }

    fun has(index: Int): Boolean = entries.getOrElse(index) { 0 } != 0

    fun int(index: Int, default: Int = 0): Int = field(index, 4)?.let(source::intAt) ?: default

    fun long(index: Int): Long = field(index, 8)?.let(source::longAt) ?: 0

    fun byte(index: Int, default: Int = 0): Int = field(index, 1)?.let(source::byteAt) ?: default

    /** A table field, null when absent. */
    fun table(index: Int): Table? = field(index, 4)?.let { Table(source, source.follow(it)) }

    /** A vector of tables, empty when absent. */
    fun tables(index: Int): List<Table> {
        val (start, count) = vector(index, 4)
        return List(count) { Table(source, source.follow(start + 4L * it)) }
    }

    fun ints(index: Int): List<Int> {
        val (start, count) = vector(index, 4)
        return List(count) { source.intAt(start + 4L * it) }
    }

    fun longs(index: Int): List<Long> {
        val (start, count) = vector(index, 8)
        return List(count) { source.longAt(start + 8L * it) }
    }

    fun floats(index: Int): List<Float> {
        val (start, count) = vector(index, 4)
        return List(count) { source.floatAt(start + 4L * it) }
    }

    /** A vector of bytes, empty when absent. */
    fun blob(index: Int): ByteArray {
        val (start, count) = vector(index, 1)
        return source.content.copyOfRange(start.toInt(), start.toInt() + count)
    }

    /** A string, empty when absent. */
    fun text(index: Int): String = String(blob(index), Charsets.UTF_8)

    /** How many items of so many bytes a vector has. */
    fun count(index: Int, size: Int): Int = vector(index, size).second

    private fun field(index: Int, width: Int): Long? {
        val offset = entries.getOrElse(index) { 0 }
        if (offset + width > inline && offset != 0) {
            throw FormatError("a FlatBuffer field is outside its table: the file is damaged")
        }
        return if (offset == 0) null else position + offset
    }

    private fun vector(index: Int, size: Int): Pair<Long, Int> {
        val at = field(index, 4) ?: return 0L to 0
        val start = source.follow(at)
        val count = source.unsignedAt(start)
        // Bytes are copied, not visited, so only the check of their bounds is due for them.
        if (size == 1) source.spend(0, 1, start + 4 + count) else source.spend(count, size, start + 4)
        return start + 4 to count.toInt()
    }
}
