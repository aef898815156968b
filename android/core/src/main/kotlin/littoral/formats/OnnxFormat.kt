package littoral.formats

import littoral.Card
import littoral.DType
import littoral.FormatError
import littoral.InputError
import littoral.ModelFile
import littoral.TensorSpec
import littoral.Weights
import littoral.quoted
import java.io.File

/** ONNX: a protobuf message (ModelProto). Field numbers are those of the published schema. */
internal object OnnxFormat : Format {
    override val name: String = "onnx"

    /** Field 14 of 402 bytes: key `littoral_seal`, value of 384 bytes. Always the first field. */
    private val SEAL_START =
        byteArrayOf(0x72, 0x92.toByte(), 0x03, 0x0a, 0x0d) + "littoral_seal".toByteArray() +
            byteArrayOf(0x12, 0x80.toByte(), 0x03)
    private const val HEX_CHARACTERS = 384
    private const val TELLING_BYTES = 7
    private val TRACES = listOf(
        Card.KEY.toByteArray(),
        "littoral_seal".toByteArray(),
        hex("LITTORAL-SEAL".toByteArray()).toByteArray(),
    )

    private const val IR_VERSION = 1
    private const val GRAPH = 7
    private const val METADATA = 14
    private const val NODES = 1
    private const val INITIALIZERS = 5
    private const val INPUTS = 11
    private const val OUTPUTS = 12
    private const val ATTRIBUTES = 5
    private val ATTRIBUTE_TENSORS = setOf(5L, 10L)
    private val ATTRIBUTE_GRAPHS = setOf(6L, 11L)
    private val ATTRIBUTE_SPARSE = setOf(22L, 23L)
    private const val FUNCTIONS = 25
    private const val FUNCTION_NODES = 7
    private const val SPARSE = 15
    private const val TENSOR_TYPE = 2
    private const val TENSOR_NAME = 8
    private const val TENSOR_LOCATION = 14
    private const val DEEPEST_GRAPH = 32

    private val DTYPES = mapOf(
        1 to DType.FLOAT32, 2 to DType.UINT8, 3 to DType.INT8, 4 to DType.UINT16, 5 to DType.INT16,
        6 to DType.INT32, 7 to DType.INT64, 8 to DType.TEXT, 9 to DType.BOOL, 10 to DType.FLOAT16,
        11 to DType.FLOAT64, 12 to DType.UINT32, 13 to DType.UINT64,
    )
    private val KNOWN = mapOf(
        1L to VARINT, 2L to BYTES, 3L to BYTES, 4L to BYTES, 5L to VARINT, 6L to BYTES, 7L to BYTES,
        8L to BYTES, 14L to BYTES, 20L to BYTES, 25L to BYTES, 26L to BYTES,
    )

    override fun claims(content: ByteArray): Boolean {
        val seen = mutableSetOf<Long>()
        try {
            for (field in Message(content).fields()) {
                if (KNOWN.getOrElse(field.number) { field.wire } != field.wire) return false
                seen += field.number
            }
        } catch (_: FormatError) {
            return false
        }
        return IR_VERSION.toLong() in seen && GRAPH.toLong() in seen
    }

    override fun readCard(content: ByteArray): String? = Message(content).all(METADATA)
        .firstOrNull { it.text(1) == Card.KEY }?.let { String(it.blob(2), Charsets.UTF_8) }

    override fun checkStructure(content: ByteArray): Unit =
        graph(content).all(INITIALIZERS).forEach(::checkConstant)

    private fun graph(content: ByteArray): Message =
        Message(content).first(GRAPH) ?: throw FormatError("the ONNX file holds no graph")

    override fun read(content: ByteArray, signature: String?, folder: File?): ModelFile {
        if (signature != null) throw InputError("no signature ${quoted(signature)}: an ONNX file has none")
        val model = Message(content)
        val graph = graph(content)
        val constants = graph.all(INITIALIZERS).map { it.text(TENSOR_NAME) }.toSet()
        return ModelFile(
            content,
            name,
            inputs = graph.all(INPUTS).filter { it.text(1) !in constants }.map(::spec),
            outputs = graph.all(OUTPUTS).map(::spec),
            weights = if (contains(content, "location".toByteArray())) outside(model, graph, folder) else emptyList(),
        )
    }

    override fun sealSpan(content: ByteArray): IntRange? {
        val end = SEAL_START.size + HEX_CHARACTERS
        return (SEAL_START.size until end).takeIf { startsWith(content, SEAL_START) && content.size >= end }
    }

    override fun sealTraces(content: ByteArray): Boolean =
        likeness(content, SEAL_START) >= TELLING_BYTES || TRACES.any { contains(content, it) }

    override fun encodeSeal(record: ByteArray): ByteArray = hex(record).toByteArray()

    override fun decodeSeal(text: ByteArray): ByteArray? {
        val digits = text.map { Character.digit(it.toInt().toChar(), 16) }
        if (digits.any { it < 0 } || digits.size % 2 != 0) return null
        val record = ByteArray(digits.size / 2) { (digits[2 * it] * 16 + digits[2 * it + 1]).toByte() }
        return record.takeIf { encodeSeal(it).contentEquals(text) }
    }

    private fun spec(value: Message): TensorSpec {
        val name = value.text(1)
        val tensor = value.first(2)?.first(1)
        val dtype = DTYPES[tensor?.number(1)?.toInt()] ?: throw FormatError(
            "$name is no plain tensor; littoral runs tensors of numbers and text only",
        )
        val sizes = tensor?.first(2)?.all(1).orEmpty().map { it.number(1, -1) }
        return TensorSpec(name, sizes.map { size -> size.toInt().takeIf { it >= 0 } }, dtype)
    }

    /** Weights of the graph and of the file's own functions that are in other files. */
    private fun outside(model: Message, graph: Message, folder: File?): List<Weights> {
        val found = ArrayList<Message>()
        constants(graph, NODES, 0, found)
        model.all(FUNCTIONS).forEach { constants(it, FUNCTION_NODES, 0, found) }
        return found.filter { it.number(TENSOR_LOCATION) == 1L }
            .map { weightsOf(it, DTYPES[it.number(TENSOR_TYPE).toInt()], folder) }
    }

    /** The constants of a graph: initializers, attributes, and those of the graphs inside. */
    private fun constants(graph: Message, nodes: Int, depth: Int, found: MutableList<Message>) {
        if (depth > DEEPEST_GRAPH) {
            throw FormatError("graphs are nested more than $DEEPEST_GRAPH deep: the file is damaged")
        }
        if (nodes == NODES) {
            found += graph.all(INITIALIZERS)
            graph.all(SPARSE).forEach { found += it.all(1) + it.all(2) }
        }
        for (attribute in graph.all(nodes).flatMap { it.all(ATTRIBUTES) }) {
            for (field in attribute.fields().filter { it.wire == BYTES }) {
                val inside = attribute.sub(field)
                when (field.number) {
                    in ATTRIBUTE_TENSORS -> found += inside
                    in ATTRIBUTE_SPARSE -> found += inside.all(1) + inside.all(2)
                    in ATTRIBUTE_GRAPHS -> constants(inside, NODES, depth + 1, found)
                }
            }
        }
    }
}

/** Bytes as lower-case hexadecimal. */
internal fun hex(bytes: ByteArray): String = bytes.joinToString("") { "%02x".format(it) }
