package littoral.steps

import littoral.InputError
import java.io.File
import java.io.IOException

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
