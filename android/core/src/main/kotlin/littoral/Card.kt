package littoral

/**
 * An input or output as the card describes it.
 *
 * @property name The Keras name.
 * @property shape Sizes including the batch axis; null where any size is accepted.
 * @property dtype NumPy's name of the type that a caller of [Model.run] uses.
 * @property preprocessing For an input, the steps from raw data to this tensor.
 * @property labels For an output, the class names in the order of its last axis.
 * @property activation For an output with labels: `"logits"` where [Model.predict] has to turn its
 *     values into probabilities; null where they are scores as they are.
 */
public class CardTensor(
    public val name: String,
    public val shape: List<Int?>,
    public val dtype: String = "float32",
    public val preprocessing: List<Map<String, Any?>> = emptyList(),
    public val labels: List<String> = emptyList(),
    public val activation: String? = null,
)

/**
 * What a step model remembers: an output that becomes an input at the next step.
 *
 * @property input Name of the input.
 * @property output Name of the output.
 * @property initial The input's value before the first step: a number for all of it, or nested lists
 *     of the input's shape without the batch axis.
 */
public class CardState(
    public val input: String,
    public val output: String,
    public val initial: Any = 0.0,
)

/**
 * How a file of one time step is run over a sequence; see [Model.stream].
 *
 * @property states What it remembers from step to step.
 * @property byStep Names of the inputs and outputs with a time axis, of size 1, behind the batch axis.
 */
public class CardStream(
    public val states: List<CardState> = emptyList(),
    public val byStep: List<String> = emptyList(),
)

/**
 * What a model file says about itself. It travels inside the file as JSON, schema 1.
 *
 * @property name The model's name.
 * @property family For example `"cnn"`; null for somebody's own.
 * @property task For example `"classification"`; null when not known.
 * @property inputs In Keras order.
 * @property outputs In Keras order.
 * @property scheme What is quantized, for example `"static_int8"`.
 * @property sourceDigest SHA-256 of the Keras file that this one was made from, in hex.
 * @property stream How a file of one time step remembers; null for a model that is run as a whole.
 * @property fields The whole card, with what this version has no property for.
 */
public class Card(
    public val name: String,
    public val family: String? = null,
    public val task: String? = null,
    public val inputs: List<CardTensor> = emptyList(),
    public val outputs: List<CardTensor> = emptyList(),
    public val scheme: String? = null,
    public val sourceDigest: String? = null,
    public val stream: CardStream? = null,
    public val fields: Map<String, Any?> = emptyMap(),
) {
    /** Class names of the first output that has any; empty when none has. */
    public val labels: List<String>
        get() = outputs.firstOrNull { it.labels.isNotEmpty() }?.labels.orEmpty()

    /** Share of right answers that the file's proof found, 0 to 1; null where not known. */
    public val accuracy: Double?
        get() = (fields["verification"] as? Map<*, *>)?.takeIf { it["metric"] == "accuracy" }
            ?.let { it["value"] as? Number }?.toDouble()

    override fun toString(): String = "Card($name: ${fields.keys.joinToString()})"

    public companion object {
        /** The schema that this version reads. */
        public const val SCHEMA: Long = 1

        /** The card's name inside every kind of model file. */
        public const val KEY: String = "littoral_card"

        /**
         * Read a card back.
         *
         * @throws FormatError Not JSON, not an object, a field of the wrong type, or a newer schema.
         */
        public fun fromJson(text: String): Card = try {
            val fields = Json.parse(text) as Map<*, *>
            val schema = fields.getValue("schema")
            if (schema != SCHEMA) {
                throw FormatError("the card has schema ${shown(schema)}, this littoral reads $SCHEMA")
            }
            Card(
                name = fields.getValue("name") as String,
                family = fields["family"] as String?,
                task = fields["task"] as String?,
                inputs = tensors(fields["inputs"]),
                outputs = tensors(fields["outputs"]),
                scheme = fields["scheme"] as String?,
                sourceDigest = fields["source_digest"] as String?,
                stream = (fields["stream"] as Map<*, *>?)?.let(::stream),
                fields = fields.entries.associate { (key, value) -> key.toString() to value },
            )
        } catch (error: Json.Malformed) {
            throw unreadable(error)
        } catch (error: ClassCastException) {
            throw unreadable(error)
        } catch (error: NullPointerException) {
            throw unreadable(error)
        } catch (error: NoSuchElementException) {
            throw unreadable(error)
        }

        private fun tensors(entries: Any?): List<CardTensor> =
            (entries as List<*>?).orEmpty().map { tensor(it as Map<*, *>) }

        @Suppress("UNCHECKED_CAST")
        private fun tensor(entry: Map<*, *>): CardTensor = CardTensor(
            name = entry.getValue("name").toString(),
            shape = (entry.getValue("shape") as List<*>).map { size -> (size as Long?)?.toInt() },
            dtype = entry["dtype"]?.toString() ?: "float32",
            preprocessing = (entry["preprocessing"] as List<*>?).orEmpty()
                .map { step -> step as Map<String, Any?> },
            labels = (entry["labels"] as List<*>?).orEmpty().map { it.toString() },
            activation = entry["activation"]?.toString(),
        )

        private fun stream(entry: Map<*, *>): CardStream = CardStream(
            states = (entry["states"] as List<*>?).orEmpty().map { it as Map<*, *> }.map { state ->
                val (input, output) = listOf("input", "output").map { state.getValue(it).toString() }
                CardState(input, output, state["initial"] ?: 0.0)
            },
            byStep = (entry["by_step"] as List<*>?).orEmpty().map { it.toString() },
        )

        private fun Map<*, *>.getValue(key: String): Any =
            get(key) ?: throw NoSuchElementException(quoted(key))

        private fun unreadable(error: Exception): FormatError =
            FormatError("the card inside the file cannot be read: ${reason(error)}", error)
    }
}
