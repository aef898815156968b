package littoral.formats

import littoral.FormatError
import kotlin.math.abs
import kotlin.math.ceil

/*
 * What must hold of a .tflite file before an engine sees it: engines check some of this, and what they do
 * not check kills the process. The rules are those of Python's `_tflite_structure`, in the same order.
 */

private const val CODES = 1
private const val SUBGRAPHS = 2
private const val BUFFERS = 4
private const val TENSORS = 0
private const val INPUTS = 1
private const val OUTPUTS = 2
private const val OPERATORS = 3
private const val SHAPE = 0
private const val TYPE = 1
private const val BUFFER = 2
private const val NAME = 3
private const val QUANTIZATION = 4
private const val VARIABLE = 5
private const val SPARSITY = 6
private const val SIGNATURE = 7
private const val SCALE = 2
private const val ZERO_POINT = 3
private const val AXIS = 6
private const val CODE = 0
private const val OPTIONS_TYPE = 3
private const val OPTIONS = 4
private const val CUSTOM_OPTIONS = 5
private const val INTERMEDIATES = 8
private const val OPTIONS_2 = 12

private const val LARGEST_TENSOR_BYTES = 4294967296.0

/** Bits of one item by type number; 0 where not known, or of no fixed size. */
private val BITS = intArrayOf(32, 16, 32, 8, 64, 0, 8, 16, 64, 8, 64, 128, 64, 0, 0, 32, 16, 4, 16, 2)

/** What uint8, int16 and int8 can hold, by type number. */
private val HOLDS = mapOf(3 to 0L..255L, 7 to -32768L..32767L, 9 to -128L..127L)

/** Operators whose options begin with the number of outputs, and the type of these options. */
private val SPREADS = mapOf(49 to 35, 102 to 79, 88 to 64)

/** Operators whose options begin with the graphs that they call: the options' type, how many. */
private val CALLS = mapOf(118 to (92 to 2), 119 to (93 to 2), 129 to (103 to 1))

/** A graph and where its tensors begin among those of all graphs. */
private class Graph(val table: Table, val tensors: List<Table>, val first: Int)

/** An operator of any graph. */
private class Operator(val table: Table, val graph: Graph, val kind: Int) {
    val inputs = table.ints(INPUTS)
    val outputs = table.ints(OUTPUTS)
    val arity = arityOf(kind)
}

/**
 * Refuse a file that would make an engine read what is not there.
 *
 * @throws FormatError A rule does not hold; the message says which and where.
 */
internal fun checkTflite(content: ByteArray) {
    val model = FlatBuffer(content).root()
    val kinds = model.tables(CODES).map { maxOf(it.byte(0), it.int(3)) }
    val held = model.tables(BUFFERS).map { heldBy(it, content.size) }
    var count = 0
    val graphs = model.tables(SUBGRAPHS).map { graph ->
        val tensors = graph.tables(TENSORS)
        Graph(graph, tensors, count).also { count += tensors.size }
    }
    if (graphs.isEmpty()) throw FormatError("the TFLite file holds no graph")
    val ready = checkTensors(graphs.flatMap { it.tensors }, held)
    for (graph in graphs) {
        val given = graph.table.ints(INPUTS)
        checkIndices(given, graph, "a graph")
        given.forEach { if (it >= 0) ready[graph.first + it] = true }
    }
    for (graph in graphs) checkIndices(graph.table.ints(OUTPUTS), graph, "a graph")
    checkOperators(graphs, kinds, ready)
}

/** Bytes that a buffer holds, inside the FlatBuffer or behind it. */
private fun heldBy(buffer: Table, size: Int): Double {
    val offset = unsigned(buffer.long(1))
    if (offset <= 1) return buffer.count(0, 1).toDouble()
    val length = unsigned(buffer.long(2))
    if (offset + length > size) {
        throw FormatError("weights behind the FlatBuffer end outside the file: it is truncated")
    }
    return length
}

private fun unsigned(value: Long): Double = value.toULong().toDouble()

/** Check every tensor; returns which need no operator to have a value. */
private fun checkTensors(tensors: List<Table>, held: List<Double>): BooleanArray {
    for (tensor in tensors) {
        tensor.count(NAME, 1)
        tensor.count(SIGNATURE, 4)
        tensor.table(SPARSITY)
    }
    val buffers = tensors.map { it.int(BUFFER) }
    demand("tensor", "is said to be in a buffer that is not there", buffers.map { it in held.indices })
    val shapes = tensors.map { it.ints(SHAPE) }
    val kinds = tensors.map { it.byte(TYPE) and 0xff }
    val needed = shapes.zip(kinds) { shape, kind ->
        // An open size, -1, counts as 1; a size of 0 leaves nothing to be stored.
        ceil(shape.fold(1.0) { items, size -> items * abs(size.toDouble()) } * BITS.getOrElse(kind) { 0 } / 8)
    }
    demand("tensor", "is said to have 4 GiB or more", needed.map { it < LARGEST_TENSOR_BYTES })
    val stored = buffers.map { held[it] }
    demand(
        "tensor",
        "is larger than the buffer that its values are in",
        tensors.indices.map { stored[it] == 0.0 || tensors[it].has(SPARSITY) || needed[it] <= stored[it] },
    )
    checkQuantization(tensors, kinds, shapes)
    return BooleanArray(tensors.size) {
        stored[it] > 0 || needed[it] == 0.0 || tensors[it].byte(VARIABLE) != 0
    }
}

private fun checkQuantization(tensors: List<Table>, kinds: List<Int>, shapes: List<List<Int>>) {
    val rows = tensors.indices.filter { tensors[it].has(QUANTIZATION) }
    val parameters = rows.mapNotNull { tensors[it].table(QUANTIZATION) }
    val scales = parameters.map { it.floats(SCALE) }
    val zeros = parameters.map { it.longs(ZERO_POINT) }
    val holds = rows.map { HOLDS[kinds[it]] }
    demand(
        "quantization scale",
        "is no positive number",
        scales.zip(holds) { values, held ->
            values.map { held == null || it == 0f || (it.isFinite() && it >= java.lang.Float.MIN_NORMAL) }
        }.flatten(),
    )
    for (range in HOLDS.values) {
        demand(
            "zero point",
            "is beyond what its type can hold",
            zeros.indices.flatMap { at ->
                zeros[at].map { holds[at] != range || it in range || scales[at].isEmpty() }
            },
        )
    }
    demand(
        "quantized tensor",
        "has scales along an axis that is not there",
        rows.indices.map { at ->
            holds[at] == null || scales[at].size < 2 || parameters[at].int(AXIS) in shapes[rows[at]].indices
        },
    )
}

/** Check every operator of every graph. */
private fun checkOperators(graphs: List<Graph>, kinds: List<Int>, ready: BooleanArray) {
    val found = graphs.flatMap { graph -> graph.table.tables(OPERATORS).map { it to graph } }
    val codes = found.map { (table, _) -> table.int(CODE) }
    demand("operator", "is of a kind that the file does not name", codes.map { it in kinds.indices })
    val operators = found.zip(codes) { (table, graph), code -> Operator(table, graph, kinds[code]) }
    demand(
        "operator",
        "has too few or too many inputs",
        operators.map { it.inputs.size >= it.arity[0] && it.inputs.size <= it.arity[1] },
    )
    demand(
        "operator",
        "has too few or too many outputs",
        operators.map { it.outputs.size >= it.arity[3] && it.outputs.size <= it.arity[4] },
    )
    for (one in operators) checkIndices(one.inputs, one.graph, "an operator")
    demand(
        "operator input",
        "is left out",
        operators.flatMap { one -> one.inputs.mapIndexed { place, index -> index >= 0 || place >= one.arity[2] } },
    )
    for (one in operators) checkIndices(one.outputs, one.graph, "an operator")
    demand(
        "operator output",
        "is left out",
        operators.flatMap { one -> one.outputs.map { it >= 0 || one.arity[3] == 0 } },
    )
    checkOrder(operators, ready)
    for (one in operators) {
        checkIndices(one.table.ints(INTERMEDIATES), one.graph, "an operator")
        one.table.count(CUSTOM_OPTIONS, 1)
        one.table.table(OPTIONS)
        one.table.table(OPTIONS_2)
    }
    checkOptions(operators, graphs)
}

/** Check that what an operator reads has been given, stored or made by an earlier one. */
private fun checkOrder(operators: List<Operator>, ready: BooleanArray) {
    operators.forEachIndexed { place, one ->
        if (one.inputs.any { it >= 0 && !ready[one.graph.first + it] }) {
            throw FormatError(
                "operator $place of the TFLite file reads a tensor that nothing has made: the file is damaged",
            )
        }
        one.outputs.forEach { if (it >= 0) ready[one.graph.first + it] = true }
    }
}

private fun checkOptions(operators: List<Operator>, graphs: List<Graph>) {
    fun options(one: Operator, type: Int) = one.table.takeIf { it.byte(OPTIONS_TYPE) == type }?.table(OPTIONS)
    for ((kind, type) in SPREADS) {
        demand(
            "operator",
            "has another number of outputs than its options say",
            operators.map { it.kind != kind || options(it, type)?.int(0) == it.outputs.size },
        )
    }
    var calls = operators.flatMap { one ->
        val (type, count) = CALLS[one.kind] ?: (0 to 0)
        val table = options(one, type)
        List(if (table == null) 0 else count) { graphs.indexOf(one.graph) to table?.int(it) }
    }
    // Take away, over and over, the graphs that call none of the rest: all must go.
    while (calls.isNotEmpty()) {
        val callers = calls.map { it.first }.toSet()
        val left = calls.filter { it.second in callers }
        if (left.size == calls.size) {
            throw FormatError("a graph of the TFLite file calls itself: the file is damaged")
        }
        calls = left
    }
}

/** Check indices of tensors, -1 for none. */
private fun checkIndices(indices: List<Int>, graph: Graph, whose: String) {
    if (indices.any { it < -1 || it >= graph.tensors.size }) {
        throw FormatError("$whose names a tensor that is not there: the file is damaged")
    }
}

private fun demand(what: String, trouble: String, isSound: List<Boolean>) {
    val place = isSound.indexOf(false)
    if (place >= 0) throw FormatError("$what $place of the TFLite file $trouble: the file is damaged")
}
