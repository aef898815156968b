package littoral.steps

import littoral.InputError
import littoral.Tensor
import java.io.File
import java.io.IOException

/** One kind of preprocessing step that a card may name. */
internal interface Step {
    /** Check a card's settings and return what turns the step's data into a tensor. */
    fun prepare(fields: Fields): (Any) -> Tensor
}

/** The bytes of a file that a step was handed, as a path or as they are; null for anything else. */
internal fun bytesOf(raw: Any): ByteArray? = when (raw) {
    is ByteArray -> raw
    is String -> bytesOf(File(raw))
    is File -> try {
        raw.readBytes()
    } catch (error: IOException) {
        val why = if (raw.exists()) error.message else "No such file or directory"
        throw InputError("$raw cannot be read: $why", error)
    }
    else -> null
}

/** A text, or bytes in UTF-8. */
internal fun nameOf(raw: Any, otherwise: String): String = if (raw is ByteArray) otherwise else "$raw"
