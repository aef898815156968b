package littoral.steps

import littoral.InputError
import littoral.Tensor
import littoral.kind
import java.nio.ByteBuffer
import java.nio.charset.CharacterCodingException
import java.util.Locale

/** Text to the places of its words or characters in a vocabulary. */
internal object VocabularyStep {
    private const val PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
    private val WHITE_SPACE = Regex("[ \t\n\u000b\u000c\r]+")

    private class Settings(fields: Fields) {
        val vocabulary = fields.read("vocabulary", Checks.texts)
        val length = fields.read("length", Checks.whole())
        val unit = fields.read("unit", "word", Checks.oneOf("word", "character"))
        val lower = fields.read("lower", "none", Checks.oneOf("none", "ascii", "unicode"))
        val stripPunctuation = fields.read("strip_punctuation", false, Checks.flag)
        val padding = fields.read("padding", 0, Checks.whole(0))
        val unknown = fields.read("unknown", 1, Checks.whole(0))
        val dtype = fields.read("dtype", "int32", Checks.oneOf("int32", "int64"))
        val places = vocabulary.withIndex().associate { (place, token) -> token to place }
    }

    fun prepare(fields: Fields): (Any) -> Tensor {
        val settings = Settings(
            fields.expect(
                listOf("vocabulary", "length"),
                listOf("unit", "lower", "strip_punctuation", "padding", "unknown", "dtype"),
            ),
        )
        return { raw -> numbers(settings, raw) }
    }

    private fun numbers(settings: Settings, raw: Any): Tensor {
        val tokens = split(settings, text(raw))
        val numbers = IntArray(settings.length) { index ->
            val token = tokens.getOrNull(index)
            if (token == null) settings.padding else settings.places[token] ?: settings.unknown
        }
        if (settings.dtype == "int32") return Tensor.of(numbers)
        return Tensor.of(LongArray(numbers.size) { numbers[it].toLong() })
    }

    private fun split(settings: Settings, given: String): List<String> {
        var text = when (settings.lower) {
            "unicode" -> given.lowercase(Locale.ROOT)
            "ascii" -> String(CharArray(given.length) { asciiLower(given[it]) })
            else -> given
        }
        if (settings.stripPunctuation) text = text.filter { it !in PUNCTUATION }
        if (settings.unit == "word") return text.split(WHITE_SPACE).filter { it.isNotEmpty() }
        val found = ArrayList<String>()
        var at = 0
        while (at < text.length) {
            val end = at + Character.charCount(text.codePointAt(at))
            found += text.substring(at, end)
            at = end
        }
        return found
    }

    private fun asciiLower(letter: Char): Char = if (letter in 'A'..'Z') letter + ('a' - 'A') else letter

    private fun text(raw: Any): String = when (raw) {
        is String -> raw
        is ByteArray -> try {
            Charsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(raw)).toString()
        } catch (error: CharacterCodingException) {
            throw InputError("the text is no UTF-8: ${error.message}", error)
        }
        else -> throw InputError("expected a text, came ${kind(raw)}")
    }
}
