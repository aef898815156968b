package littoral.formats

import littoral.Card
import littoral.DType
import littoral.FormatError
import littoral.InputError
import littoral.ModelFile
import littoral.Signature
import littoral.TensorSpec
import littoral.quoted
import java.io.File

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
    private const val SIGNATURE_KEY = 2
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

    override fun read(content: ByteArray, signature: String?, folder: File?): ModelFile {
        val model = FlatBuffer(content).root()
        val entries = model.tables(MODEL_SIGNATURES)
        val chosen = if (signature == null) usual(entries) else named(entries, signature)
        val graphs = model.tables(MODEL_SUBGRAPHS)
        if (graphs.isEmpty()) throw FormatError("the TFLite file holds no graph")
        val number = chosen?.int(4) ?: 0
        val graph = graphs.getOrNull(number)
            ?: throw FormatError("a signature names graph $number of ${graphs.size}: it is damaged")
        val tensors = graph.tables(GRAPH_TENSORS)
        val (taken, given) = listOf(0, 1).map { side -> chosen?.let { mapping(it, side) }.orEmpty() }
        val results = graph.ints(GRAPH_OUTPUTS)
        val named = names(results, tensors, given)
        val shown = if (signature == null) {
            named
        } else {
            // A signature may give less than its graph, or one tensor twice.
            val order = results + given.map { it.first }
            val sorted = given.sortedWith { one, other -> order.indexOf(one.first) - order.indexOf(other.first) }
            names(sorted.map { it.first }, tensors, sorted)
        }
        return ModelFile(
            content,
            name,
            names(graph.ints(GRAPH_INPUTS), tensors, taken).map { (index, name) -> spec(tensors[index], name) },
            shown.map { (index, name) -> spec(tensors[index], name) },
            isStateful(model, graphs),
            entries.associate { entry ->
                val (inputs, outputs) = listOf(0, 1).map { side -> mapping(entry, side).map { it.second } }
                entry.text(SIGNATURE_KEY) to Signature(inputs, outputs)
            },
            maxOf(0, entries.indexOf(chosen ?: entries.firstOrNull { it.int(4) == 0 })),
        )
    }

    /** The signature that names the first graph's tensors, null where it is not clear which. */
    private fun usual(entries: List<Table>): Table? {
        val first = entries.filter { it.int(4) == 0 }
        return first.singleOrNull() ?: first.singleOrNull { it.text(SIGNATURE_KEY) == "serving_default" }
    }

    private fun named(entries: List<Table>, name: String): Table {
        val known = entries.map { it.text(SIGNATURE_KEY) }
        val place = known.lastIndexOf(name)
        if (place >= 0) return entries[place]
        val listed = known.joinToString { quoted(it) }
        throw InputError(
            "no signature ${quoted(name)}: " + if (known.isEmpty()) "the file has none" else "choose from $listed",
        )
    }

    private fun mapping(signature: Table, side: Int): List<Pair<Int, String>> =
        signature.tables(side).map { it.int(1) to it.text(0) }

    override fun checkStructure(content: ByteArray): Unit = checkTflite(content)

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
     * What a caller calls the inputs or outputs: a signature names them; failing that the tensors do,
     * without what TensorFlow's exporters add to a name, unless two would be the same.
     */
    private fun names(
        indices: List<Int>,
        tensors: List<Table>,
        signed: List<Pair<Int, String>>,
    ): List<Pair<Int, String>> {
        (indices + signed.map { it.first }).firstOrNull { it !in tensors.indices }?.let {
            throw FormatError("the graph names tensor $it of ${tensors.size}: it is damaged")
        }
        val byIndex = signed.toMap()
        val raw = indices.map { tensors[it].text(TENSOR_NAME) }
        val plain = raw.map(::plain)
        return indices.zip(
            when {
                // Two names may mean one tensor.
                signed.map { it.first } == indices -> distinct(signed.map { it.second })
                indices.all { it in byIndex } -> distinct(indices.map { byIndex.getValue(it) })
                else -> distinct(if (plain.toSet().size == plain.size) plain else raw)
            },
        )
    }

    private fun distinct(names: List<String>): List<String> =
        if (names.toSet().size == names.size) names else names.mapIndexed { place, name -> "$name#$place" }

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
