package littoral

/**
 * One class of a classifier's answer.
 *
 * @property label The class's name, its number where the card has no names.
 * @property score What the model gives it, as the model gives it: a probability after a softmax.
 * @property index Its place in the model's output.
 */
public data class Prediction(
    public val label: String,
    public val score: Float,
    public val index: Int,
)

/**
 * A classifier's answer to one thing.
 *
 * @property predictions Classes with scores, best first; at least one.
 * @property milliseconds From the raw data to the answer, preprocessing included.
 */
public data class Classification(
    public val predictions: List<Prediction>,
    public val milliseconds: Double,
) {
    /** The best class's name. */
    public val label: String get() = predictions[0].label

    /** The best class's score. */
    public val score: Float get() = predictions[0].score
}

/** Raw data to one sample per input, by the card's steps. */
internal fun prepare(card: Card?, specs: List<TensorSpec>, raw: Any): List<Tensor> {
    val described = specs.mapIndexed { place, spec -> described(card, spec, place) }
    if (described.all { it.preprocessing.isEmpty() }) {
        throw InputError(
            "the model's card names no preprocessing, so only arrays can go in: use Model.run",
        )
    }
    val values = byInput(raw, specs)
    return specs.indices.map { place ->
        shaped(Preprocess.apply(described[place].preprocessing, values[place]), specs[place])
    }
}

/** The classes of one sample, best first; classes of equal score in the model's order. */
internal fun rank(scores: Tensor, labels: List<String>, top: Int?): List<Prediction> {
    if (scores.shape.size != 1) {
        throw InputError(
            "the model's answer has shape ${scores.shape}, not one score a class: use run",
        )
    }
    val values = scores.floats
    val named = labels.size == values.size
    val order = values.indices.sortedByDescending { values[it] }
    return order.take(top ?: values.size).map { index ->
        Prediction(if (named) labels[index] else "$index", values[index], index)
    }
}

private fun byInput(raw: Any, specs: List<TensorSpec>): List<Any> {
    if (specs.size == 1) return listOf(raw)
    val names = specs.map { it.name }
    if (raw !is Map<*, *> || raw.keys != names.toSet()) {
        throw InputError("the model has several inputs: expected a map with ${names.joinToString()}")
    }
    return names.map { raw.getValue(it) }
}

private fun Map<*, *>.getValue(name: String): Any =
    get(name) ?: throw InputError("input ${quoted(name)} is missing")

private fun described(card: Card?, spec: TensorSpec, place: Int): CardTensor {
    val tensors = card?.inputs.orEmpty()
    return tensors.firstOrNull { it.name == spec.name }
        ?: tensors.getOrNull(place) ?: CardTensor(spec.name, spec.shape)
}

/** A picture of one channel also fits a model that has no channel axis, and the reverse. */
private fun shaped(sample: Tensor, spec: TensorSpec): Tensor {
    val wanted = spec.shape.drop(1)
    if (null in wanted || sample.shape == wanted) return sample
    val fits = sample.shape.filter { it != 1 } == wanted.filter { it != 1 }
    return if (fits) sample.reshape(wanted.filterNotNull()) else sample
}
