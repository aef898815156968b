package littoral

import littoral.steps.Rows
import java.util.concurrent.locks.ReentrantLock
import kotlin.concurrent.withLock

/**
 * Results of a model on windows that overlap, over rows that go on. Made by [Model.windows]; close it
 * when done.
 *
 * ```
 * model.windows(hop = 10, smooth = 3).use { w -> w.step(frames) }
 * ```
 *
 * @property window Rows in a window: time steps of the model's input.
 * @property hop Rows from the beginning of a window to that of the next.
 */
public class Windows internal constructor(
    private val model: Model,
    public val window: Int,
    public val hop: Int,
    private val smooth: Int,
    private val preprocessing: List<Map<String, Any?>>,
) : AutoCloseable {
    private val spec = model.inputs.single()
    private val rowShape = spec.shape.drop(2)
    private val lock = ReentrantLock()
    private val recent = ArrayDeque<List<Tensor>>()
    private var isClosed = false
    private var buffer: Tensor? = null
    private var skip = 0
    private val rows = Rows(preprocessing)
    private var way: String? = null

    /** Windows that were complete so far. */
    public var count: Int = 0
        private set

    /** What a window gives, without batch axis. */
    public val outputs: List<TensorSpec> = model.outputs.map { it.copy(shape = it.shape.drop(1)) }

    /**
     * Take rows as the model's input has them, for a model of one output.
     *
     * @param x One row, of the input's shape without batch and time axis, or several: `[n, ...]`.
     * @return Results of the windows that are complete now, `[windows, ...]`; the first axis is 0 when
     *     none is.
     * @throws InputError Shape or type does not fit, or a value is NaN or infinite; nothing was taken.
     * @throws EngineError The engine failed, or the windows or their model are closed.
     */
    public fun step(x: Tensor): Tensor {
        if (outputs.size != 1) {
            throw InputError(
                "the model has ${outputs.size} outputs (${namesOf(outputs)}): " +
                    "step with a map, which returns all of them",
            )
        }
        return stepped(Arguments.assign(listOf(x), listOf(spec)).single()).values.single()
    }

    /** Take rows by the input's name; the results by the outputs' names. As [step]. */
    public fun step(x: Map<String, Tensor>): Map<String, Tensor> =
        stepped(Arguments.assign(x, listOf(spec)).single())

    /**
     * Take data as the card's preprocessing takes it; each part of it is computed once.
     *
     * @param raw Samples of a signal at the card's rate, as many as there are; a row of a table; a
     *     picture; or a list of these.
     * @return As [step] by name. A window's result is that of the model on the rows that the
     *     preprocessing makes of the whole signal; what it counts from the loudest it counts from the
     *     window's.
     * @throws InputError Data that the steps refuse, a card without steps, or after [step].
     * @throws EngineError As [step].
     */
    public fun feed(raw: Any): Map<String, Tensor> = lock.withLock {
        check("feed")
        taken(rows.push(raw))
    }

    /** The data ends: results of the windows that are complete by that, as [feed]. */
    public fun finish(): Map<String, Tensor> = lock.withLock {
        check(way)
        val last = if (way == "feed") rows.end() else null
        if (last == null) results(emptyList()) else taken(last)
    }

    /** Begin anew: the next row is the first of a sequence. */
    public fun reset(): Unit = lock.withLock {
        checkOpen()
        begin()
    }

    /** Take no more; the model stays open. Closing again does nothing. */
    override fun close(): Unit = lock.withLock {
        begin()
        isClosed = true
    }

    private fun begin() {
        buffer = null
        skip = 0
        count = 0
        recent.clear()
        rows.begin()
        way = null
    }

    private fun check(wanted: String?) {
        checkOpen()
        if (wanted == "feed" && preprocessing.isEmpty()) {
            throw InputError("${model.name}: the card names no preprocessing: use step")
        }
        if (way != null && way != wanted) {
            throw InputError("${model.name}: $wanted does not go on from $way: reset first")
        }
        way = wanted
    }

    private fun checkOpen() {
        if (isClosed) throw EngineError("the windows of ${model.name} are closed: open others")
        model.checkOpen()
    }

    private fun stepped(x: Tensor): Map<String, Tensor> = lock.withLock {
        check("step")
        taken(Arguments.admit(asRows(x), spec, raw = false))
    }

    private fun taken(came: Tensor): Map<String, Tensor> {
        val whole = buffer?.let { Tensor.concatenated(listOf(it, came)) } ?: came
        val found = ArrayList<List<Tensor>>()
        var begin = skip
        while (begin + window <= whole.shape[0]) {
            found += once(whole.rows(begin, begin + window))
            begin += hop
        }
        val kept = minOf(begin, whole.shape[0])
        buffer = whole.rows(kept, whole.shape[0])
        skip = begin - kept
        return results(found)
    }

    private fun results(found: List<List<Tensor>>): Map<String, Tensor> =
        outputs.withIndex().associate { (index, output) -> output.name to stacked(found.map { it[index] }, output) }

    private fun asRows(x: Tensor): Tensor {
        val rows = if (x.shape.size == rowShape.size) x.reshape(listOf(1) + x.shape) else x
        val sizes = rowShape.zip(rows.shape.drop(1))
        if (rows.shape.size != rowShape.size + 1 || !sizes.all { (size, got) -> size == null || size == got }) {
            val one = shownSizes(rowShape)
            throw InputError(
                "input ${quoted(spec.name)}: expected a row $one or several ${listOf("n") + one}, " +
                    "came ${x.dtype} of shape ${x.shape}",
            )
        }
        return rows
    }

    private fun once(window: Tensor): List<Tensor> {
        val made = if (way == "feed") rows.whole(window) else window
        val wanted = spec.shape.drop(1).filterNotNull()
        val fits = wanted.size == spec.shape.size - 1 && countOf(wanted) == made.size
        val sample = if (fits) made.reshape(wanted) else made // a channel axis that the steps do not make
        val results = model.run(listOf(sample)).values.toList()
        count++
        recent.addLast(results)
        if (recent.size > smooth) recent.removeFirst()
        return if (recent.size == 1) results else results.indices.map { index -> mean(recent.map { it[index] }) }
    }

    private fun mean(values: List<Tensor>): Tensor = Tensor.real(
        values[0].dtype,
        values[0].shape,
        DoubleArray(values[0].size) { at -> values.sumOf { it.doubleAt(at) } / values.size },
    )

    private fun stacked(results: List<Tensor>, output: TensorSpec): Tensor =
        if (results.isEmpty()) {
            Tensor.zeros(output.realDType, listOf(0) + output.shape.map { it ?: 0 })
        } else {
            Tensor.concatenated(results.map { it.reshape(listOf(1) + it.shape) })
        }
}

/** Windows of a model; see [Model.windows]. */
internal fun windowsOf(model: Model, hop: Int?, window: Int?, smooth: Int): Windows {
    val spec = model.inputs.singleOrNull() ?: throw InputError(
        "${model.name} has several inputs (${namesOf(model.inputs)}): windows are for one",
    )
    val described = model.card?.inputs.orEmpty()
    val steps = (described.firstOrNull { it.name == spec.name } ?: described.firstOrNull())?.preprocessing.orEmpty()
    val settings = steps.firstOrNull().orEmpty()
    if (settings["layout"] == "frames_last") {
        throw InputError("${model.name} takes frames last: windows are for inputs whose first axis is time")
    }
    val length = length(spec, settings, window)
    val every = hop ?: maxOf(1, length / 4)
    for ((what, value) in listOf("window" to length, "hop" to every, "smooth" to smooth)) {
        if (value < 1) throw InputError("$what is $value: expected a whole number of at least 1")
    }
    return Windows(model, length, every, smooth, steps)
}

/** Rows in a window, as the model's input fixes it, or the caller, or the card's steps. */
private fun length(spec: TensorSpec, settings: Map<String, Any?>, window: Int?): Int {
    if (spec.shape.size < 2) {
        throw InputError("input ${quoted(spec.name)} ${spec.shape} has no time axis: no windows")
    }
    val fixed = spec.shape[1]
    if (fixed != null && window != null && window != fixed) {
        throw InputError("window is $window, and input ${quoted(spec.name)} takes $fixed rows")
    }
    return fixed ?: window ?: ((settings["frames"] ?: settings["length"]) as? Number)?.toInt()
        ?: throw InputError("input ${quoted(spec.name)} takes any length: say how long: window=")
}
