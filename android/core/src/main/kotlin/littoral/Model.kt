package littoral

import java.util.concurrent.locks.ReentrantLock
import kotlin.concurrent.withLock

/**
 * A model file, loaded and ready to run. Made by [Littoral.load]; close it when done.
 *
 * One call runs at a time: threads that share a model wait for each other.
 *
 * @property card What the file says about itself; null for a file without a card.
 * @property name The file's name, for messages.
 * @property signedBy The id of the trusted key that signed the file; null where none was asked for.
 */
public class Model internal constructor(
    private var session: Session?,
    private val file: ModelFile,
    private val opener: Engine,
    private val settings: Settings,
    public val card: Card?,
    public val name: String,
    public val signedBy: String?,
) : AutoCloseable {
    /** The engine's name, for example `"litert"`. */
    public val engine: String = opener.name

    /** Name, shape, type and quantization of each input, in Keras order. */
    public val inputs: List<TensorSpec> = file.inputs

    /** The same of each output. */
    public val outputs: List<TensorSpec> = file.outputs

    /** `"tflite"` or `"onnx"`. */
    public val format: String = file.format

    /** The functions that a .tflite file offers, by the names that [LoadOptions.signature] takes. */
    public val signatures: Map<String, Signature> = file.signatures

    /** Size of the file. */
    public val sizeBytes: Int = file.content.size

    private val lock = ReentrantLock()
    private var binding: Binding? = null
    private var shapes: List<List<Int>>? = null

    /**
     * Run in real units: floats in and out, also where the file holds integers.
     *
     * @param x One sample or a batch, for a model of one input and one output. Without the batch axis
     *     it is one sample, and the result has no batch axis either.
     * @throws InputError Shape or type do not fit, or a value is NaN or infinite.
     * @throws EngineError The engine failed, or the model is closed.
     */
    public fun run(x: Tensor): Tensor = single(run(listOf(x)))

    /**
     * Run on one sample whose values are given row-major.
     *
     * @return The output's values, row-major.
     */
    public fun run(x: FloatArray): FloatArray {
        val shape = inputs.singleOrNull()?.shape?.drop(1)?.takeIf { null !in it }?.filterNotNull()
        val fits = shape != null && countOf(shape) == x.size
        return run(if (fits) Tensor.of(x, shape.orEmpty()) else Tensor.of(x)).floats
    }

    /** Run on inputs in the order of [inputs]; the outputs by name, in Keras order. As [run]. */
    public fun run(x: List<Tensor>): Map<String, Tensor> =
        execute(raw = false) { Arguments.assign(x, inputs) }

    /** Run on inputs by name; the outputs by name, in Keras order. As [run]. */
    public fun run(x: Map<String, Tensor>): Map<String, Tensor> =
        execute(raw = false) { Arguments.assign(x, inputs) }

    /** Run in the file's own types, without conversion and without a check of the values. */
    public fun runRaw(x: Tensor): Tensor = single(runRaw(listOf(x)))

    /** As [runRaw], with inputs in the order of [inputs]. */
    public fun runRaw(x: List<Tensor>): Map<String, Tensor> =
        execute(raw = true) { Arguments.assign(x, inputs) }

    /**
     * Classify one thing as a person has it, by the preprocessing and labels of the card.
     *
     * @param raw What the card's first step takes: a picture, a recording, a text, a row; for
     *     several inputs a map by input name.
     * @param top How many classes to return, null for all.
     * @throws InputError The card names no preprocessing, or the data does not suit it.
     * @throws EngineError The engine failed, or the model is closed.
     */
    public fun predict(raw: Any, top: Int? = null): Classification {
        val began = System.nanoTime()
        val results = run(prepare(card, inputs, raw))
        val (name, described) = labelled(card, outputs)
        val ranked = rank(results.getValue(name), described, top)
        return Classification(ranked, (System.nanoTime() - began) / NANOSECONDS_PER_MILLISECOND)
    }

    /**
     * Run the file step by step over a sequence, with what it remembers carried along.
     *
     * @param state For a file whose state is outside, the output that becomes each state input at the
     *     next step, by name. Null takes what the card says, else inputs and outputs whose names tell.
     * @param initial A state's value before the first step, by the input's name; zeros by default.
     * @return A stream of its own state. There can be many of one model.
     * @throws InputError The file remembers nothing, or a name or shape does not fit.
     * @throws EngineError The model is closed.
     */
    public fun stream(
        state: Map<String, String>? = null,
        initial: Map<String, Tensor> = emptyMap(),
    ): Stream {
        if (session == null) throw closed()
        val states = statesOf(inputs, outputs, card, state, initial)
        if (states.isEmpty() && !file.isStateful) {
            throw InputError(
                "$name remembers nothing from call to call: make it with littoral convert --streaming, say " +
                    "which output becomes which input: stream(mapOf(...)), or run it on windows: windows(hop = N)",
            )
        }
        // Where variables remember, or a call with other sizes moves the memory, sharing disturbs.
        val isOpen = inputs.any { null in it.shape }
        val own = if (file.isStateful || isOpen) opener.open(file, settings) else null
        return Stream(this, states, own)
    }

    /**
     * Run over rows that go on, on windows of them that overlap.
     *
     * @param hop Time steps from the beginning of a window to that of the next; null for a quarter of one.
     * @param window Time steps of a window; null takes what the input fixes, else what the card says.
     * @param smooth Results are means over those of so many windows, the latest last.
     * @throws InputError Several inputs, or a number that does not fit.
     * @throws EngineError The model is closed.
     */
    public fun windows(hop: Int? = null, window: Int? = null, smooth: Int = 1): Windows {
        checkOpen()
        return windowsOf(this, hop, window, smooth)
    }

    /** Another model of the same file, with a session of its own. */
    internal fun duplicate(): Model = lock.withLock {
        if (session == null) throw closed()
        Model(opener.open(file, settings), file, opener, settings, card, name, signedBy).also { it.allocate() }
    }

    /** How long it takes to load the file again, in ns. */
    internal fun loadTimes(count: Int): Estimate {
        val times = DoubleArray(count) {
            val began = System.nanoTime()
            duplicate().close()
            (System.nanoTime() - began).toDouble()
        }
        return Statistics.percentileInterval(times, 0.5)
    }

    /** One call on the model's session in the file's own types, for a [Stream]. */
    internal fun once(tensors: List<Tensor>): List<Tensor> = lock.withLock { once(tensors, raw = true) }

    /** Refuse to go on once the model is closed. */
    internal fun checkOpen() {
        if (session == null) throw closed()
    }

    /** Free the engine's memory. The model cannot run afterwards; closing again does nothing. */
    override fun close(): Unit = lock.withLock {
        binding = null
        shapes = null
        session?.close()
        session = null
    }

    override fun toString(): String {
        val state = if (session == null) "closed" else engine
        return "Model($name: $format, $state, $sizeBytes bytes)"
    }

    /** Reserve memory now where the file fixes every size but the number of samples. */
    internal fun allocate() {
        if (inputs.any { null in it.shape.drop(1) }) return
        lock.withLock { bound(inputs.map { spec -> spec.shape.map { it ?: 1 } }) }
    }

    private fun single(results: Map<String, Tensor>): Tensor = results.values.singleOrNull()
        ?: throw InputError(
            "the model has ${results.size} outputs (${results.keys.joinToString()}): " +
                "run it with a list or a map, which returns all of them",
        )

    private inline fun execute(raw: Boolean, assign: () -> List<Tensor>): Map<String, Tensor> = try {
        executed(raw, assign)
    } catch (error: OutOfMemoryError) {
        throw EngineError("$name: the batch or its results do not fit into memory: run fewer samples at once", error)
    }

    private inline fun executed(raw: Boolean, assign: () -> List<Tensor>): Map<String, Tensor> {
        if (session == null) throw closed()
        val tensors = assign().zip(inputs) { value, spec -> Arguments.admit(value, spec, raw) }
        val batch = Arguments.layOut(tensors, inputs, outputs)
        val results = lock.withLock {
            if (batch.count == null) once(batch.tensors, raw) else inSteps(batch, raw)
        }
        val shown = if (batch.isSample) results.map { it.reshape(it.shape.drop(1)) } else results
        return outputs.zip(shown).associateTo(LinkedHashMap()) { (spec, result) -> spec.name to result }
    }

    private fun inSteps(batch: Arguments.Batch, raw: Boolean): List<Tensor> {
        val count = batch.count ?: 0
        val pieces = (0 until count step batch.step).map { start ->
            val end = minOf(start + batch.step, count)
            once(batch.tensors.map { padded(it.rows(start, end), batch.step) }, raw)
        }
        for ((result, spec) in pieces[0].zip(outputs)) {
            if (result.shape.firstOrNull() != batch.step) {
                throw EngineError(
                    "$name: output ${quoted(spec.name)} has shape ${result.shape}, which does " +
                        "not split into ${batch.step} samples; run the samples one by one",
                )
            }
        }
        return outputs.indices.map { index ->
            val whole = Tensor.concatenated(pieces.map { it[index] })
            if (whole.shape[0] == count) whole else whole.rows(0, count)
        }
    }

    private fun once(tensors: List<Tensor>, raw: Boolean): List<Tensor> = explained {
        val ready = bound(tensors.map { it.shape })
        tensors.forEachIndexed { index, tensor ->
            ready.fill(index, if (raw) tensor else inFilesType(tensor, inputs[index]))
        }
        ready.invoke()
        outputs.mapIndexed { index, spec -> ready.read(index).let { if (raw) it else inReal(it, spec) } }
    }

    /** What goes wrong in the engine, in our words. */
    internal inline fun <T> explained(call: () -> T): T = try {
        call()
    } catch (error: OutOfMemoryError) {
        throw outOfMemory(name, sizeBytes.toLong(), error)
    } catch (error: LittoralError) {
        throw error
    } catch (error: Exception) {
        // the engines' own exceptions share no other base
        throw EngineError("$name: $engine failed: ${reason(error)}", error)
    }

    /** The session made ready for these shapes, from a clean state. */
    private fun bound(wanted: List<List<Int>>): Binding {
        val open = session ?: throw closed()
        val present = binding
        if (file.isStateful) {
            open.reset()
        } else if (present != null && wanted == shapes) {
            return present
        }
        binding = null
        return open.bind(wanted).also {
            binding = it
            shapes = wanted
        }
    }

    private fun closed(): EngineError = EngineError("$name is closed: load it again to run it")

    private companion object {
        const val NANOSECONDS_PER_MILLISECOND = 1e6

        /** The rows, the last one repeated until there are [size]. */
        fun padded(rows: Tensor, size: Int): Tensor {
            val have = rows.shape[0]
            if (have == size) return rows
            val last = rows.rows(have - 1, have)
            return Tensor.concatenated(listOf(rows) + List(size - have) { last })
        }
    }
}
