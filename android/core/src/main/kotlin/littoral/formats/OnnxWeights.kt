package littoral.formats

import littoral.DType
import littoral.FormatError
import littoral.Weights
import littoral.quoted
import java.io.File
import java.io.IOException
import java.io.RandomAccessFile
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.channels.FileChannel

private const val DIMS = 1
private const val NAME = 8
private const val EXTERNAL = 13

/**
 * Weights that an .onnx file keeps in another file: only a regular file in its own folder is read.
 *
 * @param folder The model's folder, null where it did not come from a path or trust is asked for.
 * @throws FormatError The folder is not known, the path leads out of it (also by a symbolic link), or the
 *     file is missing or too short.
 */
internal fun weightsOf(tensor: Message, dtype: DType?, folder: File?): Weights {
    val entries = tensor.all(EXTERNAL).associate { it.text(1) to it.text(2) }
    val name = quoted(tensor.text(NAME))
    val (offset, length) = listOf("offset", "length").map { key ->
        entries.getOrElse(key) { "0" }.takeIf { it.all { digit -> digit in '0'..'9' } }?.toLongOrNull()
            ?: throw FormatError("the place of the weights $name is no number: the file is damaged")
    }
    val location = entries["location"].orEmpty()
    val shown = quoted(location)
    if (folder == null) {
        throw FormatError(
            "the weights $name are in another file, $shown, which is read only for a model that is loaded by " +
                "its path and without trust, since no signature covers it: save the model as one file",
        )
    }
    val content = try {
        mapped(inside(folder, location, name), shown, name, offset, length)
    } catch (error: IOException) {
        throw FormatError("$shown cannot be read: ${littoral.reason(error)}", error)
    }
    val shape = tensor.numbers(DIMS).map { it.toInt() }
    val needed = shape.fold(dtype?.size?.toLong() ?: 0L, Long::times)
    if (dtype == null || dtype.isText || needed != content.remaining().toLong()) {
        throw FormatError("the weights $name in $shown cannot be read: $shape of $dtype are not their bytes")
    }
    return Weights(tensor.text(NAME), dtype, shape, content)
}

private fun inside(folder: File, location: String, name: String): File {
    val shown = quoted(location)
    val parts = location.split('/', '\\')
    val isAbsolute = parts[0].isEmpty() || parts[0].endsWith(':')
    if (isAbsolute || '\u0000' in location || ".." in parts) {
        throw FormatError(
            "the weights $name are said to be in $shown: littoral reads files in the model's own folder only",
        )
    }
    val home = folder.canonicalFile
    val file = File(home, location).canonicalFile
    if (!file.exists()) throw FormatError("the weights $name are in $shown, which is not beside the model")
    if (!file.path.startsWith(home.path.removeSuffix("/") + "/") || !file.isFile) {
        throw FormatError("the weights $name are in $shown, which leads out of the model's folder or is no file")
    }
    return file
}

private fun mapped(file: File, shown: String, name: String, offset: Long, length: Long): ByteBuffer {
    val size = file.length()
    if (size - offset < length) {
        throw FormatError(
            "the weights $name end at byte ${offset + length} of $shown, which has $size: it is truncated or " +
                "another model's",
        )
    }
    val wanted = if (length == 0L) maxOf(0L, size - offset) else length
    if (wanted > Int.MAX_VALUE) throw FormatError("the weights $name in $shown have 2 GiB or more")
    val content = RandomAccessFile(file, "r").use { it.channel.map(FileChannel.MapMode.READ_ONLY, offset, wanted) }
    return content.order(ByteOrder.LITTLE_ENDIAN)
}
