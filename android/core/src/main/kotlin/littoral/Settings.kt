package littoral

/**
 * How an engine is to open a file: threads, and the engine's own options by name. A value may be the text
 * that a command line gives.
 *
 * @property threads Threads that one call may use.
 */
public class Settings internal constructor(
    public val threads: Int,
    private val options: Map<String, Any>,
    engine: Engine,
) {
    init {
        val known = engine.options
        val groups = known.filter { it.endsWith(".*") }.map { it.dropLast(1) }
        for (name in options.keys) {
            val isMember = groups.any { name.startsWith(it) && name != it }
            if (!isMember && (name !in known || name.endsWith("*"))) {
                val choices = known.joinToString().ifEmpty { "none" }
                throw InputError("engine ${engine.name} has no option ${quoted(name)}: choose from $choices")
            }
        }
    }

    /** On or off: a Boolean, or one of on, off, true, false, 1, 0; null where the option is not given. */
    public fun switch(name: String): Boolean? = options[name]?.let { value ->
        when (value.toString().lowercase()) {
            "on", "true", "1" -> true
            "off", "false", "0" -> false
            else -> throw InputError("option $name is ${shown(value)}: expected on or off")
        }
    }

    /** A whole number of at least 1; null where the option is not given. */
    public fun whole(name: String): Int? = options[name]?.let { value ->
        value.toString().toIntOrNull()?.takeIf { it >= 1 }
            ?: throw InputError("option $name is ${shown(value)}: expected a whole number of at least 1")
    }

    /** One of several by its name; null where the option is not given. */
    public fun <T : Any> chosen(name: String, choices: Map<String, T>): T? = options[name]?.let { value ->
        choices[value]
            ?: throw InputError("option $name is ${shown(value)}: choose from ${choices.keys.joinToString()}")
    }

    /** A text; null where the option is not given. */
    public fun text(name: String): String? = options[name]?.toString()

    /** Several names, of a list or a text with commas; null where the option is not given. */
    public fun listed(name: String): List<String>? = options[name]?.let { value ->
        val parts = if (value is Iterable<*>) value.map { it.toString() } else value.toString().split(',')
        parts.map { it.trim() }
    }

    /** The options of a group such as `"config."`, by their names without it. */
    public fun group(prefix: String): Map<String, String> =
        options.filterKeys { it.startsWith(prefix) }.entries.associate { (name, value) ->
            name.removePrefix(prefix) to value.toString()
        }
}
