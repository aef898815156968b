package littoral

/**
 * One class of a classifier's answer.
 *
 * @property label The class's name, its number where the card has no names.
 * @property score What the model gives it, as the model gives it: a probability after a softmax, and
 *     where the card says that the model gives logits.
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
    val described = specs.mapIndexed { place, spec -> described(card?.inputs.orEmpty(), spec, place) }
    if (described.all { it.preprocessing.isEmpty() }) {
        throw InputError(
            "the model's card names no preprocessing, so only arrays can go in: use Model.run",
        )
    }
    val values = byInput(raw, specs, described)
    return specs.indices.map { place ->
        shaped(Preprocess.apply(described[place].preprocessing, values[place]), specs[place])
    }
}

/** The output that has labels, else the first: its name in the file, and what the card says of it. */
internal fun labelled(card: Card?, specs: List<TensorSpec>): Pair<String, CardTensor> {
    val tensors = card?.outputs.orEmpty()
    val pairs = specs.mapIndexed { place, spec -> spec.name to described(tensors, spec, place) }
    return pairs.firstOrNull { it.second.labels.isNotEmpty() } ?: pairs[0]
}

/** The classes of one sample, best first; classes of equal score in the model's order. */
internal fun rank(scores: Tensor, described: CardTensor, top: Int?): List<Prediction> {
    if (scores.shape.size != 1) {
        throw InputError(
            "the model's answer has shape ${scores.shape}, not one score a class: use run",
        )
    }
    val labels = described.labels
    val values = scored(scores, labels.size, described.activation)
    val isNamed = labels.size == values.size
    val order = values.indices.sortedWith { one, other -> values[other].compareTo(values[one]) }
    return order.take(top ?: values.size).map { index ->
        Prediction(if (isNamed) labels[index] else "$index", values[index].toFloat(), index)
    }
}

/** Scores as the card means them; a single value stands for the second of two labels. */
private fun scored(scores: Tensor, labels: Int, activation: String?): List<Double> {
    if (activation != null && activation != "logits") {
        throw InputError("the card's activation ${quoted(activation)} is unknown: use run")
    }
    val given = List(scores.size) { scores.doubleAt(it) }
    val isLogits = activation == "logits"
    val isSingle = given.size == 1 && labels == 2
    val values = if (isSingle) listOf(if (isLogits) 0.0 else 1 - given[0], given[0]) else given
    if (!isLogits) return values
    val largest = values.max()
    val powers = values.map { kotlin.math.exp(it - largest) }
    return powers.map { it / powers.sum() }
}

/** What goes to each input: its entry of a map, or the row of a table that all share. */
private fun byInput(raw: Any, specs: List<TensorSpec>, described: List<CardTensor>): List<Any> {
    if (specs.size == 1) return listOf(raw)
    val names = specs.map { it.name }
    if (raw is Map<*, *> && raw.keys == names.toSet()) {
        return names.map { raw[it] ?: throw InputError("input ${quoted(it)} is missing") }
    }
    if (raw is Map<*, *> && described.all { it.preprocessing.firstOrNull()?.get("step") == "tabular" }) {
        return specs.map { raw }
    }
    throw InputError("the model has several inputs: expected a map with ${names.joinToString()}")
}

private fun described(tensors: List<CardTensor>, spec: TensorSpec, place: Int): CardTensor =
    tensors.firstOrNull { it.name == spec.name }
        ?: tensors.getOrNull(place) ?: CardTensor(spec.name, spec.shape)

/** A picture of one channel also fits a model that has no channel axis, and the reverse. */
private fun shaped(sample: Tensor, spec: TensorSpec): Tensor {
    val wanted = spec.shape.drop(1)
    if (null in wanted || sample.shape == wanted) return sample
    val fits = sample.shape.filter { it != 1 } == wanted.filter { it != 1 }
    return if (fits) sample.reshape(wanted.filterNotNull()) else sample
}
