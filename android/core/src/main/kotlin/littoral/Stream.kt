package littoral

import java.util.concurrent.locks.ReentrantLock
import kotlin.concurrent.withLock

/**
 * A sequence that is run step by step. Made by [Model.stream]; close it when done.
 *
 * The state is where the file has it. Outside, as outputs that go back in, every stream keeps its own
 * and all share the model's session. Inside, in variables, every stream has a session of its own.
 *
 * Threads that share a stream wait for each other. Streams of one model do not disturb each other, nor
 * [Model.run].
 */
public class Stream internal constructor(
    private val model: Model,
    private val states: List<State>,
    private var own: Session?,
) : AutoCloseable {
    private val lock = ReentrantLock()
    private val hasOwn = own != null
    private var isClosed = false
    private var values: List<Tensor> = states.map { it.initial }
    private var binding: Binding? = null
    private var shapes: List<List<Int>>? = null
    private val takes: List<StepTensor>
    private val gives: List<StepTensor>

    init {
        val byStep = model.card?.stream?.byStep
        takes = stepTensors(model.inputs, states.map { it.input }, byStep)
        gives = stepTensors(model.outputs, states.map { it.output }, byStep)
    }

    /** What one step takes, without the states: shapes have neither batch nor time axis. */
    public val inputs: List<TensorSpec> = takes.map { it.spec }

    /** What one step gives, likewise. */
    public val outputs: List<TensorSpec> = gives.map { it.spec }

    /**
     * Run one step, or several at once, for a model of one input and one output beside the states.
     *
     * @param x For one step a tensor of the input's step shape ([inputs]), for `n` of them `[n, ...]`.
     * @return Of the output's step shape for one step, `[n, ...]` for several.
     * @throws InputError Shape or type does not fit, or a value is NaN or infinite; the state is as it
     *     was before the call.
     * @throws EngineError The engine failed, or the stream or its model is closed.
     */
    public fun step(x: Tensor): Tensor {
        val results = steps { Arguments.assign(listOf(x), inputs) }
        return results.values.singleOrNull() ?: throw InputError(
            "the model has ${results.size} outputs (${results.keys.joinToString()}): " +
                "step with a map, which returns all of them",
        )
    }

    /** Run one step whose values are given row-major; as [step]. */
    public fun step(x: FloatArray): FloatArray {
        val shape = inputs.singleOrNull()?.shape?.takeIf { null !in it }?.filterNotNull()
        val fits = shape != null && countOf(shape) == x.size
        return step(if (fits) Tensor.of(x, shape.orEmpty()) else Tensor.of(x)).floats
    }

    /** Run one step or several on inputs by name; the outputs by name. As [step]. */
    public fun step(x: Map<String, Tensor>): Map<String, Tensor> = steps { Arguments.assign(x, inputs) }

    /** Begin anew: the next step is the first of a sequence. */
    public fun reset(): Unit = lock.withLock {
        checkOpen()
        own?.let {
            model.explained { it.reset() }
            binding = null
        }
        values = states.map { it.initial }
    }

    /** Free what the stream has of its own; the model stays open. Closing again does nothing. */
    override fun close(): Unit = lock.withLock {
        isClosed = true
        binding = null
        own?.close()
        own = null
    }

    private fun checkOpen() {
        if (isClosed) throw EngineError("a stream of ${model.name} is closed: open another one")
        model.checkOpen()
    }

    private inline fun steps(assign: () -> List<Tensor>): Map<String, Tensor> = lock.withLock {
        checkOpen()
        val laid = assign().zip(takes) { value, taken ->
            inSteps(Arguments.admit(value, taken.spec, raw = false), taken)
        }
        val count = count(laid)
        val rows = (0 until (count ?: 1)).map { at ->
            once(laid.map { (tensor, isOne) -> tensor.rows(if (isOne) 0 else at, if (isOne) 1 else at + 1) })
        }
        gives.indices.associate { index ->
            val whole = Tensor.concatenated(rows.map { it[index] })
            outputs[index].name to if (count == null) whole.reshape(whole.shape.drop(1)) else whole
        }
    }

    /** How many steps the tensors hold, null for one alone. */
    private fun count(laid: List<Pair<Tensor, Boolean>>): Int? {
        val counts = laid.filter { (_, isOne) -> !isOne }.map { it.first.shape[0] }.toSet()
        if (counts.size > 1 || counts == setOf(0)) {
            throw InputError(
                "${model.name}: the inputs hold ${counts.sorted().joinToString()} " +
                    "steps: expected the same number, at least 1",
            )
        }
        return counts.firstOrNull()
    }

    private fun once(rows: List<Tensor>): List<Tensor> {
        val tensors = arrayOfNulls<Tensor>(model.inputs.size)
        rows.zip(takes).forEach { (row, taken) ->
            val inFile = row.reshape(taken.inFile(row.shape.drop(1)))
            tensors[taken.place] = inFilesType(inFile, model.inputs[taken.place])
        }
        states.zip(values).forEach { (state, value) -> tensors[state.input] = value }
        val results = call(tensors.map { checkNotNull(it) })
        values = states.map { carried(results[it.output], it) }
        return gives.map { given ->
            val real = inReal(results[given.place], model.outputs[given.place])
            real.reshape(listOf(1) + given.inStep(real.shape))
        }
    }

    private fun call(tensors: List<Tensor>): List<Tensor> {
        if (!hasOwn) return model.once(tensors)
        val wanted = tensors.map { it.shape }
        return model.explained {
            val ready = binding.takeIf { wanted == shapes } ?: checkNotNull(own).bind(wanted)
            binding = ready
            shapes = wanted
            tensors.forEachIndexed { index, tensor -> ready.fill(index, tensor) }
            ready.invoke()
            model.outputs.indices.map { ready.read(it) }
        }
    }

    /** An output as the input that it becomes; quantized ones may differ in scale. */
    private fun carried(value: Tensor, state: State): Tensor {
        val (from, to) = model.outputs[state.output] to model.inputs[state.input]
        val isSame = from.dtype == to.dtype && from.scale == to.scale && from.zeroPoint == to.zeroPoint
        return if (isSame) value else inFilesType(inReal(value, from), to)
    }
}

/**
 * An input or output of the file as a stream shows it.
 *
 * @property place Its position in the file.
 * @property spec One step of it: its shape has neither batch nor time axis.
 * @property dropped The axes that this leaves out, all of size 1.
 */
private class StepTensor(val place: Int, val spec: TensorSpec, val dropped: List<Int>) {
    /** The file's shape for a step of this shape. */
    fun inFile(shape: List<Int>): List<Int> =
        shape.toMutableList().also { sizes -> dropped.forEach { sizes.add(it, 1) } }

    /** A step's shape for this shape of the file. */
    fun inStep(shape: List<Int>): List<Int> = shape.filterIndexed { axis, _ -> axis !in dropped }
}

private fun stepTensors(specs: List<TensorSpec>, states: List<Int>, byStep: List<String>?): List<StepTensor> =
    specs.indices.filter { it !in states }.map { stepTensor(it, specs[it], byStep) }

/** Without the card a time axis is one of size 1 between the batch axis and others. */
private fun stepTensor(place: Int, spec: TensorSpec, byStep: List<String>?): StepTensor {
    val isBatched = spec.shape.isNotEmpty() && (spec.shape[0] == 1 || spec.shape[0] == null)
    val looksTimed = spec.shape.size > 2 && spec.shape[1] == 1
    val isTimed = byStep?.let { spec.name in it } ?: looksTimed
    val dropped = listOfNotNull(0.takeIf { isBatched }, 1.takeIf { isTimed })
    val shape = spec.shape.filterIndexed { axis, _ -> axis !in dropped }
    return StepTensor(place, spec.copy(shape = shape), dropped)
}

/** The tensor as `[n, ...]`, and whether it came as one step. */
private fun inSteps(given: Tensor, taken: StepTensor): Pair<Tensor, Boolean> {
    val wanted = taken.spec.shape
    val isWhole = given.shape.size - wanted.size == 2 && given.shape[0] == 1 && taken.dropped.size == 2
    val tensor = if (isWhole) given.reshape(given.shape.drop(1)) else given
    val extra = tensor.shape.size - wanted.size
    val sizes = tensor.shape.drop(maxOf(extra, 0))
    if (extra !in 0..1 || !wanted.zip(sizes).all { (size, got) -> size == null || size == got }) {
        val one = shownSizes(wanted)
        throw InputError(
            "input ${quoted(taken.spec.name)}: expected one step $one or several ${listOf("n") + one}, " +
                "came ${given.dtype} of shape ${given.shape}",
        )
    }
    return if (extra == 0) tensor.reshape(listOf(1) + tensor.shape) to true else tensor to false
}
