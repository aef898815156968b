package littoral

import java.math.BigDecimal
import java.math.MathContext
import java.math.RoundingMode

private const val PRINTABLE_FROM = 0x20
private const val PRINTABLE_TO = 0x7e

/** A name in quotes as the messages of the Python runtime show it. */
internal fun quoted(name: String): String {
    val mark = if ('\'' in name && '"' !in name) '"' else '\''
    val inside = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t")
    return "$mark${if (mark == '\'') inside.replace("'", "\\'") else inside}$mark"
}

/** Bytes as the messages of the Python runtime show them: `b'TFL3\x00'`. */
internal fun quoted(bytes: ByteArray): String {
    val characters = bytes.map { it.toInt() and 0xff }
    val mark = if ('\''.code in characters && '"'.code !in characters) '"' else '\''
    val inside = characters.joinToString("") { escaped(it, mark) }
    return "b$mark$inside$mark"
}

private fun escaped(byte: Int, mark: Char): String = when {
    byte == mark.code || byte == '\\'.code -> "\\${byte.toChar()}"
    byte == '\n'.code -> "\\n"
    byte == '\r'.code -> "\\r"
    byte == '\t'.code -> "\\t"
    byte in PRINTABLE_FROM..PRINTABLE_TO -> byte.toChar().toString()
    else -> "\\x%02x".format(byte)
}

/** A value of a card as the messages of the Python runtime show it. */
internal fun shown(value: Any?): String = when (value) {
    null -> "None"
    is String -> quoted(value)
    is Boolean -> if (value) "True" else "False"
    is List<*> -> value.joinToString(", ", "[", "]") { shown(it) }
    is Map<*, *> -> value.entries.joinToString(", ", "{", "}") { "${shown(it.key)}: ${shown(it.value)}" }
    else -> value.toString()
}

/** A number with so many significant digits and no zeros at the end, as `%g` writes it in C. */
internal fun general(value: Double, digits: Int = 3): String {
    if (value == 0.0 || !value.isFinite()) return if (value == 0.0) "0" else nonFinite(value)
    val rounded = BigDecimal(value).round(MathContext(digits, RoundingMode.HALF_EVEN))
    val exponent = rounded.precision() - rounded.scale() - 1
    if (exponent in -4 until digits) return rounded.stripTrailingZeros().toPlainString()
    val mantissa = rounded.movePointLeft(exponent).stripTrailingZeros().toPlainString()
    val sign = if (exponent < 0) '-' else '+'
    return "%se%s%02d".format(mantissa, sign, kotlin.math.abs(exponent))
}

private fun nonFinite(value: Double): String = when {
    value.isNaN() -> "nan"
    value > 0 -> "inf"
    else -> "-inf"
}

/** A message on one line, cut to a readable length. */
internal fun reason(error: Throwable): String {
    val text = (error.message ?: error.toString()).split(Regex("\\s+")).joinToString(" ").trim()
    return if (text.length <= LONGEST_REASON) text else "${text.take(LONGEST_REASON)}..."
}

private const val LONGEST_REASON = 240
