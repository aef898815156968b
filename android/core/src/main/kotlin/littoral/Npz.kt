package littoral

import java.io.Closeable
import java.io.File
import java.io.IOException
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.zip.ZipEntry
import java.util.zip.ZipFile
import java.util.zip.ZipOutputStream

/** Reads NumPy's archives of arrays: an `.npz` is a zip of `.npy` files, as `numpy.savez` makes it. */
internal class NpzReader(private val file: File) : Closeable {
    private val zip = explained { ZipFile(file) }

    /** The array of a name; null where there is none. */
    operator fun get(name: String): Tensor? {
        val entry = zip.getEntry("$name.npy") ?: return null
        val content = explained { zip.getInputStream(entry).use { it.readBytes() } }
        return Npy.read(content) ?: throw InputError(
            "$file: array ${quoted(name)} is none that littoral reads: expected numbers, little-endian, in C order",
        )
    }

    override fun close(): Unit = zip.close()

    private fun <T> explained(read: () -> T): T = try {
        read()
    } catch (error: IOException) {
        throw InputError("$file is no .npz: ${reason(error)}", error)
    }
}

/** Writes them, array by array. */
internal class NpzWriter(file: File) : Closeable {
    private val zip = ZipOutputStream(file.outputStream().buffered())

    fun put(name: String, values: Tensor) {
        zip.putNextEntry(ZipEntry("$name.npy"))
        zip.write(Npy.write(values))
        zip.closeEntry()
    }

    override fun close(): Unit = zip.close()
}

/**
 * One array in NumPy's format (NEP 1): magic, version, length of the header, the header (a Python
 * dictionary that says type, order and shape), the values.
 */
internal object Npy {
    private val MAGIC = byteArrayOf(0x93.toByte()) + "NUMPY".toByteArray()
    private val TYPE = Regex("'descr': '[<|]([fiub])([1248])'")
    private val SHAPE = Regex("'shape': \\(([0-9, ]*)\\)")
    private const val ALIGNMENT = 64
    private const val LENGTH_AT = 8

    /** Where the header begins in a file of the first version, and in all later ones. */
    private const val FIRST_START = 10
    private const val SHORTEST = 12

    /** The array; null for a file that is damaged, or whose values littoral does not run. */
    fun read(content: ByteArray): Tensor? {
        if (content.size < SHORTEST || !MAGIC.indices.all { content[it] == MAGIC[it] }) return null
        val sizes = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN)
        val isFirstVersion = content[MAGIC.size].toInt() == 1
        val start = if (isFirstVersion) FIRST_START else SHORTEST
        val length = if (isFirstVersion) sizes.getShort(LENGTH_AT).toInt() and 0xffff else sizes.getInt(LENGTH_AT)
        if (length !in 0..content.size - start) return null
        val header = String(content, start, length)
        if ("'fortran_order': False" !in header) return null
        val (kind, size) = TYPE.find(header)?.destructured ?: return null
        val (shown) = SHAPE.find(header)?.destructured ?: return null
        val shape = shown.split(',', ' ').filter { it.isNotEmpty() }.map { it.toIntOrNull() ?: return null }
        val dtype = DType.entries.firstOrNull { kindOf(it) == kind[0] && it.size == size.toInt() } ?: return null
        return Tensor.read(dtype, shape, content.copyOfRange(start + length, content.size))
    }

    /** A file of the first version, which every NumPy reads. */
    fun write(values: Tensor): ByteArray {
        val order = if (values.dtype.size == 1) '|' else '<'
        val shape = values.shape.joinToString { "$it" } + if (values.shape.size == 1) "," else ""
        val type = "$order${kindOf(values.dtype)}${values.dtype.size}"
        val header = "{'descr': '$type', 'fortran_order': False, 'shape': ($shape), }"
        val end = (FIRST_START + header.length + ALIGNMENT) / ALIGNMENT * ALIGNMENT
        val buffer = ByteBuffer.allocate(end + values.size * values.dtype.size).order(ByteOrder.LITTLE_ENDIAN)
        buffer.put(MAGIC).put(1).put(0).putShort((end - FIRST_START).toShort())
        buffer.put((header.padEnd(end - FIRST_START - 1) + "\n").toByteArray())
        values.write(buffer)
        return buffer.array()
    }

    private fun kindOf(dtype: DType): Char = when {
        dtype == DType.TEXT -> 'U'
        dtype.isFloat -> 'f'
        else -> dtype.label[0]
    }
}
