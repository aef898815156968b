package littoral.formats

import littoral.FormatError
import littoral.ModelFile
import littoral.quoted
import java.io.File
import java.util.zip.ZipInputStream

private const val SHOWN = 24

/** What a model file's bytes say without an engine. */
internal interface Format {
    /** `"tflite"` or `"onnx"`. */
    val name: String

    /** Do these bytes look like this format? */
    fun claims(content: ByteArray): Boolean

    /** The card's JSON, null when the file has no card. */
    fun readCard(content: ByteArray): String?

    /**
     * What an engine has to know of the file.
     *
     * @param signature Which of its functions to run, null for the usual one.
     * @param folder Where the file is, null where that is not known: what it keeps in other files is
     *     read from there.
     */
    fun read(content: ByteArray, signature: String?, folder: File?): ModelFile

    /** Refuse a file whose parts do not fit together, and which no digest vouches for. */
    fun checkStructure(content: ByteArray)

    /** Where the seal's record is, null when it is not in its place. */
    fun sealSpan(content: ByteArray): IntRange?

    /** Did a file without a seal have one once, or is it littoral's? */
    fun sealTraces(content: ByteArray): Boolean

    /** The seal's record as it stands in the file. */
    fun encodeSeal(record: ByteArray): ByteArray

    /** The record out of the file, null when it is damaged. */
    fun decodeSeal(text: ByteArray): ByteArray?
}

private val FORMATS = listOf(OnnxFormat, TfliteFormat)

/**
 * The format that a file's bytes are in, whatever its name says.
 *
 * @throws FormatError None of them; the message says what came instead.
 */
internal fun sniff(content: ByteArray): Format {
    if (content.isEmpty()) throw FormatError("the file is empty")
    if (isKeras(content)) {
        throw FormatError("a Keras file is what `littoral convert` starts from; load its result")
    }
    return FORMATS.firstOrNull { it.claims(content) } ?: throw FormatError(
        "not a TFLite, ONNX or Keras model: its ${content.size} bytes begin with " +
            "${quoted(content.copyOf(minOf(SHOWN, content.size)))}; " +
            "it may be damaged, truncated or another kind of file",
    )
}

private fun isKeras(content: ByteArray): Boolean {
    if (!startsWith(content, byteArrayOf('P'.code.toByte(), 'K'.code.toByte(), 3, 4))) return false
    return try {
        ZipInputStream(content.inputStream()).use { archive ->
            generateSequence { archive.nextEntry }.any { it.name == "config.json" }
        }
    } catch (_: java.io.IOException) {
        false
    } catch (_: IllegalArgumentException) {
        false
    }
}

internal fun startsWith(content: ByteArray, start: ByteArray, at: Int = 0): Boolean =
    content.size >= at + start.size && start.indices.all { content[at + it] == start[it] }

/** How many bytes of [start] stand in their place. */
internal fun likeness(content: ByteArray, start: ByteArray, at: Int = 0): Int =
    start.indices.count { at + it < content.size && content[at + it] == start[it] }

internal fun contains(content: ByteArray, part: ByteArray): Boolean {
    val first = part[0]
    for (at in 0..content.size - part.size) {
        if (content[at] == first && startsWith(content, part, at)) return true
    }
    return false
}
