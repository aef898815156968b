package littoral.formats

import littoral.Card
import littoral.DType
import littoral.FormatError
import littoral.TensorSpec

/**
 * TFLite: a FlatBuffer with the file identifier `TFL3` (schema version 3).
 *
 * Field ids are those of the published schema, in the order of its tables.
 */
internal object TfliteFormat : Format {
    override val name: String = "tflite"

    private val IDENTIFIER = "TFL3".toByteArray()
    private val MAGIC = "LITTORAL-SEAL-1\u0000".toByteArray()
    private const val SEAL_START = 8
    private const val SEAL_END = 200
    private const val TELLING_BYTES = 5
    private const val TELLING_MAGIC = 13

    private const val MODEL_CODES = 1
    private const val MODEL_SUBGRAPHS = 2
    private const val MODEL_BUFFERS = 4
    private const val MODEL_METADATA = 6
    private const val MODEL_SIGNATURES = 7
    private const val GRAPH_TENSORS = 0
    private const val GRAPH_INPUTS = 1
    private const val GRAPH_OUTPUTS = 2
    private const val GRAPH_OPERATORS = 3
    private const val TENSOR_SHAPE = 0
    private const val TENSOR_TYPE = 1
    private const val TENSOR_NAME = 3
    private const val TENSOR_QUANTIZATION = 4
    private const val TENSOR_IS_VARIABLE = 5
    private const val TENSOR_SIGNATURE = 7
    private const val OPERATOR_OPTIONS = 4
    private const val CALL_ONCE = 129
    private const val ASSIGN_VARIABLE = 144

    private val DTYPES = listOf(
        "float32", "float16", "int32", "uint8", "int64", "str", "bool", "int16", "complex64",
        "int8", "float64", "complex128", "uint64", "resource", "variant", "uint32", "uint16",
    )
    private val QUANTIZED =
        setOf(DType.INT8, DType.UINT8, DType.INT16, DType.UINT16, DType.INT32)

    override fun claims(content: ByteArray): Boolean = startsWith(content, IDENTIFIER, 4)

    override fun readCard(content: ByteArray): String? {
        val model = FlatBuffer(content).root()
        val entry = model.tables(MODEL_METADATA).lastOrNull { it.text(0) == Card.KEY } ?: return null
        val buffers = model.tables(MODEL_BUFFERS)
        val index = entry.int(1)
        if (index !in buffers.indices) {
            throw FormatError("metadata is said to be in buffer $index, which is not there")
        }
        return String(buffers[index].blob(0), Charsets.UTF_8)
    }

    override fun outline(content: ByteArray): Outline {
        val model = FlatBuffer(content).root()
        val graphs = model.tables(MODEL_SUBGRAPHS)
        val graph = graphs.firstOrNull() ?: throw FormatError("the TFLite file holds no graph")
        val tensors = graph.tables(GRAPH_TENSORS)
        val signature = model.tables(MODEL_SIGNATURES).singleOrNull()?.takeIf { it.int(4) == 0 }
        val sides = listOf(GRAPH_INPUTS, GRAPH_OUTPUTS).mapIndexed { side, field ->
            val indices = graph.ints(field)
            names(indices, tensors, signature, side).zip(indices) { name, index ->
                spec(tensors[index], name)
            }
        }
        return Outline(sides[0], sides[1], isStateful(model, graphs))
    }

    override fun sealSpan(content: ByteArray): IntRange? =
        (SEAL_START until SEAL_END).takeIf {
            startsWith(content, MAGIC, SEAL_START) &&
                content.size >= SEAL_END
        }

    override fun sealTraces(content: ByteArray): Boolean {
        FlatBuffer(content).root() // cut off before the seal's magic, its root lies outside
        return likeness(content, MAGIC, SEAL_START) >= TELLING_BYTES ||
            contains(content, MAGIC.copyOf(TELLING_MAGIC)) || contains(content, Card.KEY.toByteArray())
    }

    override fun encodeSeal(record: ByteArray): ByteArray = record

    override fun decodeSeal(text: ByteArray): ByteArray = text

    private fun spec(tensor: Table, name: String): TensorSpec {
        val sizes = tensor.ints(TENSOR_SIGNATURE).ifEmpty { tensor.ints(TENSOR_SHAPE) }
        val number = tensor.byte(TENSOR_TYPE)
        val label = DTYPES.getOrElse(number) { "type $number" }
        val dtype = DType.of(label)
            ?: throw FormatError("$name is of $label; littoral runs tensors of numbers and text only")
        val quantization = tensor.table(TENSOR_QUANTIZATION)
        val scale = quantization?.floats(2)?.singleOrNull()?.takeIf { it != 0f && dtype in QUANTIZED }
        return TensorSpec(
            name = name,
            shape = sizes.map { size -> size.takeIf { it >= 0 } },
            dtype = dtype,
            scale = scale,
            zeroPoint = scale?.let { quantization.longs(3).firstOrNull() ?: 0L },
        )
    }

    /**
     * What a caller calls the inputs or outputs: a single signature names them; failing that the
     * tensors do, without what TensorFlow's exporters add to a name, unless two would be the same.
     */
    private fun names(
        indices: List<Int>,
        tensors: List<Table>,
        signature: Table?,
        side: Int,
    ): List<String> {
        indices.firstOrNull { it !in tensors.indices }?.let {
            throw FormatError("the graph names tensor $it of ${tensors.size}: it is damaged")
        }
        val raw = indices.map { tensors[it].text(TENSOR_NAME) }
        signedNames(indices, signature, side)?.let { return unique(it) }
        val plain = raw.map(::plain)
        return if (plain.toSet().size == plain.size) plain else unique(raw)
    }

    private fun signedNames(indices: List<Int>, signature: Table?, side: Int): List<String>? {
        val entries = signature?.tables(side)?.map { it.int(1) to it.text(0) } ?: return null
        // Two names may mean one tensor.
        if (entries.map { it.first } == indices) return entries.map { it.second }
        val names = entries.toMap()
        return if (indices.all { it in names }) indices.map { names.getValue(it) } else null
    }

    private fun unique(names: List<String>): List<String> = if (names.toSet().size == names.size) {
        names
    } else {
        names.mapIndexed { position, name -> "$name#$position" }
    }

    private fun plain(name: String): String {
        val bare = name.removePrefix("serving_default_")
        val tail = bare.substringAfterLast(':', "")
        return if (tail.isNotEmpty() && tail.all(Char::isDigit)) bare.substringBeforeLast(':') else bare
    }

    private fun isStateful(model: Table, graphs: List<Table>): Boolean {
        // The old one-byte field saturates at 127, the newer one does not.
        val codes = model.tables(MODEL_CODES).map { maxOf(it.byte(0), it.int(3)) }
        return assignsEachCall(graphs, codes) || graphs.any { graph ->
            graph.tables(GRAPH_TENSORS).any { it.byte(TENSOR_IS_VARIABLE) != 0 }
        }
    }

    /** True when a graph other than a run-once initialiser writes a resource variable. */
    private fun assignsEachCall(graphs: List<Table>, codes: List<Int>): Boolean {
        if (ASSIGN_VARIABLE !in codes) return false
        val once = mutableSetOf<Int>()
        val writers = mutableSetOf<Int>()
        graphs.forEachIndexed { position, graph ->
            for (operator in graph.tables(GRAPH_OPERATORS)) {
                when (codes.getOrNull(operator.int(0))) {
                    CALL_ONCE -> once += operator.table(OPERATOR_OPTIONS)?.int(0) ?: 0
                    ASSIGN_VARIABLE -> writers += position
                }
            }
        }
        return (writers - once).isNotEmpty()
    }
}
