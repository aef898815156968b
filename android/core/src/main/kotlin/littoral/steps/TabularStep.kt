package littoral.steps

import littoral.DType
import littoral.InputError
import littoral.Tensor
import littoral.kind
import littoral.quoted
import littoral.shown

/** One row of a table to numbers: numbers as they are or standardized, categories by their place. */
internal object TabularStep {
    private const val NAMED = 4

    private class Settings(fields: Fields) {
        val columns = fields.read("columns", Checks.texts)
        val categories = fields.read("categories", emptyMap(), Checks.byName(Checks.texts))
        val encoding = fields.read("encoding", "one_hot", Checks.oneOf("one_hot", "index"))
        val unknown = fields.read("unknown", "error", Checks.oneOf("error", "zero", "first"))
        val missing = fields.read("missing", emptyMap(), Checks.byName { it as? String ?: Checks.number(it) })
        val mean = fields.read("mean", emptyMap(), Checks.byName(Checks.number))
        val std = fields.read("std", emptyMap(), Checks.byName(Checks.divisor))
        val dtype = fields.read("dtype", "float32", Checks.oneOf("float32", "int32", "int64"))

        init {
            val named = mapOf("categories" to categories, "missing" to missing, "mean" to mean, "std" to std)
            for ((setting, byColumn) in named) {
                val stray = byColumn.keys.firstOrNull { it !in columns }
                fields.demand(stray == null) { "$setting names ${shown(stray)}, which is no column" }
            }
            fields.demand(unknown != "zero" || encoding != "index") {
                "unknown zero needs encoding one_hot: take first or error"
            }
        }
    }

    fun prepare(fields: Fields): (Any) -> Tensor {
        val settings = Settings(
            fields.expect(
                listOf("columns"),
                listOf("categories", "encoding", "unknown", "missing", "mean", "std", "dtype"),
            ),
        )
        return { raw -> numbers(settings, raw) }
    }

    private fun numbers(settings: Settings, raw: Any): Tensor {
        val columns = settings.columns
        val values = inOrder(raw, settings)
        if (values.size != columns.size) {
            val few = columns.take(NAMED).joinToString()
            val more = if (columns.size > NAMED) "..." else ""
            throw InputError("a row has ${columns.size} values ($few$more), came ${values.size}")
        }
        val found = columns.indices.flatMap { place(settings, columns[it], values[it]) }
        return when (settings.dtype) {
            "int32" -> Tensor.of(IntArray(found.size) { found[it].toInt() })
            "int64" -> Tensor.of(LongArray(found.size) { found[it].toLong() })
            else -> Tensor.real(DType.FLOAT32, listOf(found.size), found.toDoubleArray())
        }
    }

    private fun place(settings: Settings, column: String, given: Any?): List<Double> {
        val value = if (!isMissing(given)) {
            given
        } else {
            settings.missing[column] ?: throw InputError(
                "column ${quoted(column)}: ${shown(given)} is no value, and none stands in",
            )
        }
        settings.categories[column]?.let { return encoded(settings, it, value, column) }
        val mean = settings.mean[column] ?: 0.0
        return listOf((number(value, column) - mean) / (settings.std[column] ?: 1.0))
    }

    private fun inOrder(raw: Any, settings: Settings): List<Any?> = when (raw) {
        is Map<*, *> -> {
            settings.columns.firstOrNull { it !in raw && it !in settings.missing }?.let {
                throw InputError(
                    "column ${quoted(it)} is missing: expected ${settings.columns.joinToString()}",
                )
            }
            settings.columns.map { raw[it] }
        }
        is String -> CommaSeparated.fields(raw)
        is Iterable<*> -> raw.toList()
        is FloatArray -> raw.toList()
        is DoubleArray -> raw.toList()
        is Tensor -> List(raw.size) { raw.doubleAt(it) }
        else -> throw InputError("expected a row as map, list or csv line, came ${kind(raw)}")
    }

    private fun isMissing(value: Any?): Boolean = when (value) {
        null -> true
        is String -> value.trim().lowercase() in listOf("", "nan")
        is Double -> value.isNaN()
        is Float -> value.isNaN()
        else -> false
    }

    private fun encoded(
        settings: Settings,
        known: List<String>,
        value: Any?,
        column: String,
    ): List<Double> {
        val text = text(value)
        val inFront = if (settings.unknown == "first") 1 else 0
        val place = known.indexOf(text).let {
            if (it >= 0)
                it + inFront
            else if (inFront == 1)
                0
            else
                null
        }
        if (place == null && settings.unknown == "error") {
            val few = known.take(NAMED).joinToString() + if (known.size > NAMED) ", ..." else ""
            throw InputError("column ${quoted(column)}: ${quoted(text)} is none of $few")
        }
        if (settings.encoding == "index") return listOf((place ?: 0).toDouble())
        return List(known.size + inFront) { if (it == place) 1.0 else 0.0 }
    }

    private fun text(value: Any?): String = when (value) {
        is Boolean -> if (value) "true" else "false"
        is Double -> if (value == Math.floor(value)) value.toLong().toString() else value.toString()
        is Float -> text(value.toDouble())
        else -> value.toString().trim()
    }

    private fun number(value: Any?, column: String): Double {
        val number = when (value) {
            is Number -> value.toDouble()
            is Boolean -> if (value) 1.0 else 0.0
            is String -> parsed(value.trim().lowercase())
            else -> null
        } ?: throw InputError("column ${quoted(column)}: ${shown(value)} is no number")
        if (!number.isFinite()) throw InputError("column ${quoted(column)}: ${shown(value)} is not finite")
        return number
    }

    /** Python's spellings of numbers; the JVM's own suffixes (`1f`, `0x1p3`) are none of them. */
    private fun parsed(text: String): Double? = when (text.trimStart('+', '-')) {
        "inf", "infinity", "nan" -> Double.NaN
        else -> if (text.matches(DECIMAL)) text.replace("_", "").toDoubleOrNull() else null
    }

    private const val DIGITS = "[0-9](?:_?[0-9])*"
    private val DECIMAL = Regex("[+-]?(?:$DIGITS\\.?(?:$DIGITS)?|\\.$DIGITS)(?:e[+-]?$DIGITS)?")
}

/** One line of a .csv file. */
internal object CommaSeparated {
    /** Its fields: separated by commas, spaces after a comma skipped, `""` in quotes a quote. */
    fun fields(line: String): List<String> {
        if (line.isEmpty()) return emptyList()
        val found = mutableListOf(StringBuilder())
        var isQuoted = false
        var at = 0
        while (at < line.length) {
            val character = line[at]
            val field = found.last()
            when {
                isQuoted && character == '"' && line.getOrNull(at + 1) == '"' -> field.append('"').also {
                    at++
                }
                character == '"' && (isQuoted || field.isEmpty()) -> isQuoted = !isQuoted
                isQuoted -> field.append(character)
                character == ',' -> found += StringBuilder()
                character != ' ' || field.isNotEmpty() -> field.append(character)
            }
            at++
        }
        return found.map { it.toString() }
    }
}
