package littoral

/**
 * One thing that a file remembers from step to step.
 *
 * @property input Position of the input.
 * @property output Position of the output that becomes it.
 * @property initial Its value before the first step, as the file holds it.
 */
internal class State(val input: Int, val output: Int, val initial: Tensor)

/** How exporters name the output that becomes an input: by what they add, or exchange. */
private val BEHIND =
    listOf("", "_out", "_next", "_new", "_output", ".out", "n", "N", "_n", "_N", "Out", ":out")
private val IN_FRONT =
    listOf("", "next_", "new_", "out_", "output_", "present_", "updated_", "next.", "new.")
private val INSTEAD =
    listOf("in" to "out", "input" to "output", "past_key_values" to "present", "past" to "present")

/** Find the states: those that are given, else the card's, else by the names. */
internal fun statesOf(
    inputs: List<TensorSpec>,
    outputs: List<TensorSpec>,
    card: Card?,
    given: Map<String, String>?,
    initial: Map<String, Tensor>,
): List<State> {
    val described = if (given == null) card?.stream else null
    val pairs = given ?: described?.states?.associate { it.input to it.output } ?: byName(inputs, outputs)
    val values: Map<String, Any> = described?.states.orEmpty().associate { it.input to it.initial } + initial
    values.keys.filter { it !in pairs }.minOrNull()?.let {
        val choices = pairs.keys.joinToString().ifEmpty { "none" }
        throw InputError("initial: ${quoted(it)} is no state: choose from $choices")
    }
    val found = pairs.map { (source, target) ->
        state(inputs, outputs, source, target, values[source] ?: 0.0)
    }
    found.groupBy { it.output }.values.firstOrNull { it.size > 1 }?.let {
        val name = quoted(outputs[it[0].output].name)
        throw InputError("state: output $name cannot become two inputs at once")
    }
    return found.sortedWith { one, other -> one.input - other.input }
}

private fun state(
    inputs: List<TensorSpec>,
    outputs: List<TensorSpec>,
    source: String,
    target: String,
    initial: Any,
): State {
    val input = find(inputs, source, "input")
    val output = find(outputs, target, "output")
    if (!fit(inputs[input], outputs[output])) {
        throw InputError(
            "state: output ${quoted(target)} ${shownSpec(outputs[output])} cannot become input " +
                "${quoted(source)} ${shownSpec(inputs[input])}",
        )
    }
    return State(input, output, before(inputs[input], initial))
}

private fun find(specs: List<TensorSpec>, name: String, side: String): Int {
    val place = specs.indexOfFirst { it.name == name }
    if (place >= 0) return place
    val names = namesOf(specs)
    throw InputError("state: the file has no $side ${quoted(name)}: its ${side}s are $names")
}

/** Inputs and outputs whose names and shapes say that they belong together. */
private fun byName(inputs: List<TensorSpec>, outputs: List<TensorSpec>): Map<String, String> {
    val found = LinkedHashMap<String, String>()
    for (spec in inputs) {
        successors(spec.name).firstOrNull { name ->
            name !in found.values && outputs.any { it.name == name && fit(spec, it) }
        }?.let { found[spec.name] = it }
    }
    // A single input that keeps its name is an autoencoder's, not a memory.
    return if (found.size < inputs.size) found else emptyMap()
}

private fun successors(name: String): List<String> {
    val stem = name.removeSuffix("_in").removeSuffix("_input")
    return BEHIND.flatMap { behind -> IN_FRONT.map { front -> "$front$name$behind" } } +
        (if (stem == name) emptyList() else listOf("${stem}_out", "${stem}_output", "${stem}_next")) +
        INSTEAD.filter { name.startsWith(it.first) }.map { (old, new) -> new + name.removePrefix(old) }
}

private fun fit(source: TensorSpec, target: TensorSpec): Boolean {
    val isAlike = source.dtype == target.dtype || (source.isQuantized && target.isQuantized)
    return isAlike && !source.dtype.isText && source.shape.isNotEmpty() &&
        source.shape.size == target.shape.size &&
        source.shape.zip(target.shape).all { (a, b) -> a == null || b == null || a == b }
}

/** The value as the file holds it; a size that grows from step to step begins at 0. */
private fun before(spec: TensorSpec, value: Any): Tensor {
    val shape = spec.shape.mapIndexed { axis, size -> size ?: if (axis == 0) 1 else 0 }
    val given = ArrayList<Double>()
    flatten(value, given)
    val count = countOf(shape)
    if (given.size != 1 && given.size != count && 0 !in shape) {
        throw InputError("initial: ${quoted(spec.name)} expects ${spec.realDType} of shape $shape")
    }
    val kept = (value as? Tensor)?.shape?.takeIf { 0 in shape && it.size == shape.size }
    val wanted = kept ?: shape
    val numbers = DoubleArray(countOf(wanted)) { if (given.size == 1) given[0] else given[it] }
    val isReal = spec.isQuantized || spec.dtype.isFloat
    if (!isReal) return Tensor.whole(spec.dtype, wanted, LongArray(numbers.size) { numbers[it].toLong() })
    val real = Tensor.real(if (spec.isQuantized) DType.FLOAT32 else spec.dtype, wanted, numbers)
    return if (spec.isQuantized) inFilesType(real, spec) else real
}

private fun flatten(value: Any?, into: MutableList<Double>) {
    when (value) {
        is Tensor -> for (index in 0 until value.size) into += value.doubleAt(index)
        is List<*> -> value.forEach { flatten(it, into) }
        is Number -> into += value.toDouble()
        else -> throw InputError("initial: ${shown(value)} is no number")
    }
}

private fun shownSpec(spec: TensorSpec): String =
    "(${spec.dtype} [${shownSizes(spec.shape).joinToString()}])"
