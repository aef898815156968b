package littoral.steps

import littoral.InputError
import littoral.Littoral
import littoral.quoted
import littoral.shown

/** Says what was expected instead of a setting's value. */
internal class Unexpected(message: String) : Exception(message)

/** Turns a card's value into a setting, or throws [Unexpected]. */
internal typealias Check<T> = (Any?) -> T

/** A card's step: its settings, read one by one and checked by name. */
internal class Fields(private val step: Map<String, Any?>) {
    private val name = shown(step["step"])

    /** Refuse settings that the step does not know, and the lack of those it must have. */
    fun expect(required: List<String>, optional: List<String> = emptyList()): Fields {
        val known = required + optional
        step.keys.firstOrNull { it != "step" && it !in known }?.let {
            throw InputError(
                "step $name has no setting ${quoted(it)} in littoral ${Littoral.VERSION}: it knows " +
                    known.joinToString(),
            )
        }
        required.firstOrNull { it !in step }?.let {
            throw InputError("step $name lacks the setting ${quoted(it)}")
        }
        return this
    }

    /** A setting that the card must name. */
    fun <T> read(setting: String, check: Check<T>): T = try {
        check(step[setting])
    } catch (error: Unexpected) {
        throw InputError("step $name: $setting is ${shown(step[setting])}: ${error.message}", error)
    }

    /** A setting that has a default. */
    fun <T> read(setting: String, default: T, check: Check<T>): T =
        if (setting in step) read(setting, check) else default

    /** Refuse settings that contradict each other. */
    fun demand(holds: Boolean, otherwise: () -> String) {
        if (!holds) throw InputError("step $name: ${otherwise()}")
    }
}

/** What a value of a card must be. */
internal object Checks {
    private const val LARGEST = 1 shl 24

    fun whole(least: Int = 1, most: Int = LARGEST): Check<Int> = { value ->
        val number = (value as? Number)?.toDouble()
        if (number == null || number != Math.floor(number) || number < least || number > most) {
            throw Unexpected("expected a whole number from $least to $most")
        }
        number.toInt()
    }

    val number: Check<Double> = { value ->
        (value as? Number)?.toDouble()?.takeIf { it.isFinite() }
            ?: throw Unexpected("expected a finite number")
    }

    val aboveZero: Check<Double> = { value ->
        number(value).also { if (it <= 0) throw Unexpected("expected a number above 0") }
    }

    val flag: Check<Boolean> = { it as? Boolean ?: throw Unexpected("expected true or false") }

    val numbers: Check<List<Double>> = { value ->
        if (value is List<*>) value.map(number) else listOf(number(value))
    }

    val divisor: Check<Double> = { value ->
        number(value).also { if (it == 0.0) throw Unexpected("expected numbers other than 0") }
    }

    val divisors: Check<List<Double>> = { value -> numbers(value).onEach { divisor(it) } }

    val texts: Check<List<String>> = { value ->
        val found = (value as? List<*>)?.filterIsInstance<String>().orEmpty()
        if (found.isEmpty() || found.size != (value as List<*>).size) {
            throw Unexpected("expected a list of texts")
        }
        if (found.toSet().size < found.size) throw Unexpected("expected texts that are all different")
        found
    }

    fun oneOf(vararg choices: String): Check<String> = { value ->
        val text = if (value is Number) shown(value).removeSuffix(".0") else value as? String
        text?.takeIf { it in choices } ?: throw Unexpected("expected one of ${choices.joinToString()}")
    }

    fun <T : Any> optional(check: Check<T>): Check<T?> = { value -> value?.let(check) }

    fun <T> byName(check: Check<T>): Check<Map<String, T>> = { value ->
        val given = value as? Map<*, *> ?: throw Unexpected("expected a mapping by column")
        given.entries.associate { (key, entry) -> key.toString() to check(entry) }
    }
}
