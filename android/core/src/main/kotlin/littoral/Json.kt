package littoral

/**
 * JSON as the card and the measurements need it. Objects are maps in the order of the text, arrays
 * lists, whole numbers Long, others Double, null null.
 *
 * Android has `org.json` and the JVM has nothing, so this is the one both share.
 */
internal object Json {
    private const val DEEPEST = 200

    /** Raised for text that is no JSON: what was expected and where. */
    class Malformed(message: String) : Exception(message)

    /** Parse a whole text. */
    fun parse(text: String): Any? {
        val reader = Reader(text)
        val value = reader.value(0)
        reader.end()
        return value
    }

    /** Write maps, lists, strings, numbers, booleans and null, without spaces. */
    fun write(value: Any?): String = StringBuilder().also { append(it, value) }.toString()

    private fun append(out: StringBuilder, value: Any?) {
        when (value) {
            null -> out.append("null")
            is String -> appendText(out, value)
            is Map<*, *> -> join(out, '{', '}', value.entries) { (key, inner) ->
                appendText(out, key.toString())
                out.append(':')
                append(out, inner)
            }
            is Iterable<*> -> join(out, '[', ']', value) { append(out, it) }
            is Double -> out.append(if (value.isFinite()) value.toString() else "null")
            is Float -> append(out, value.toDouble())
            else -> out.append(value.toString())
        }
    }

    private fun <T> join(
        out: StringBuilder,
        open: Char,
        close: Char,
        items: Iterable<T>,
        one: (T) -> Unit,
    ) {
        out.append(open)
        items.forEachIndexed { index, item ->
            if (index > 0) out.append(',')
            one(item)
        }
        out.append(close)
    }

    private fun appendText(out: StringBuilder, text: String) {
        out.append('"')
        for (character in text) {
            when {
                character == '"' || character == '\\' -> out.append('\\').append(character)
                character == '\n' -> out.append("\\n")
                character == '\r' -> out.append("\\r")
                character == '\t' -> out.append("\\t")
                character < ' ' -> out.append("\\u%04x".format(character.code))
                else -> out.append(character)
            }
        }
        out.append('"')
    }

    private class Reader(private val text: String) {
        private var at = 0

        fun value(depth: Int): Any? {
            if (depth > DEEPEST) throw Malformed("nested too deeply")
            return when (peek()) {
                '{' -> readObject(depth)
                '[' -> readArray(depth)
                '"' -> readText()
                't' -> word("true", true)
                'f' -> word("false", false)
                'n' -> word("null", null)
                else -> readNumber()
            }
        }

        fun end() {
            skipSpace()
            if (at < text.length) throw Malformed("extra data at character $at")
        }

        private fun readObject(depth: Int): Map<String, Any?> {
            val found = LinkedHashMap<String, Any?>()
            at++
            if (peek() == '}') return found.also { at++ }
            while (true) {
                if (peek() != '"') throw Malformed("expected a property name at character $at")
                val key = readText()
                expect(':')
                found[key] = value(depth + 1)
                if (peek() == '}') return found.also { at++ }
                expect(',')
            }
        }

        private fun readArray(depth: Int): List<Any?> {
            val found = ArrayList<Any?>()
            at++
            if (peek() == ']') return found.also { at++ }
            while (true) {
                found += value(depth + 1)
                if (peek() == ']') return found.also { at++ }
                expect(',')
            }
        }

        private fun readText(): String {
            val found = StringBuilder()
            at++
            while (true) {
                val character = text.getOrNull(at++) ?: throw Malformed("a string never ends")
                when {
                    character == '"' -> return found.toString()
                    character == '\\' -> found.append(escape())
                    character < ' ' -> throw Malformed("a control character in a string at ${at - 1}")
                    else -> found.append(character)
                }
            }
        }

        private fun escape(): Char = when (val character = text.getOrNull(at++)) {
            '"', '\\', '/' -> character
            'b' -> '\b'
            'f' -> '\u000c'
            'n' -> '\n'
            'r' -> '\r'
            't' -> '\t'
            'u' -> {
                val digits = text.substring(at, minOf(at + 4, text.length))
                at += 4
                digits.toIntOrNull(16)?.toChar() ?: throw Malformed("a broken \\u escape at $at")
            }
            else -> throw Malformed("a broken escape at character $at")
        }

        private fun readNumber(): Any {
            val match = NUMBER.matchAt(text, at) ?: throw Malformed("expected a value at character $at")
            at = match.range.last + 1
            val digits = match.value
            return digits.toLongOrNull() ?: digits.toDouble()
        }

        private fun <T> word(word: String, value: T): T {
            if (!text.startsWith(word, at)) throw Malformed("expected a value at character $at")
            at += word.length
            return value
        }

        private fun peek(): Char {
            skipSpace()
            return text.getOrNull(at) ?: throw Malformed("expected a value at character $at")
        }

        private fun expect(character: Char) {
            if (peek() != character) throw Malformed("expected '$character' at character $at")
            at++
        }

        private fun skipSpace() {
            while (at < text.length && text[at] in " \t\n\r") at++
        }
    }

    private val NUMBER = Regex("-?(?:0|[1-9][0-9]*)(?:\\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
}
