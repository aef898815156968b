package littoral.steps

import littoral.DType
import littoral.InputError
import littoral.Preprocess
import littoral.Recording
import littoral.Tensor

/**
 * Data that goes on, on its way into one input: what comes is turned into rows, one a time step of the model.
 * Of a signal these are samples, or the levels of frames, each computed once, when its last sample is there.
 *
 * @param preprocessing The input's steps as the card holds them.
 */
internal class Rows(preprocessing: List<Map<String, Any?>>) {
    private val first = Fields(preprocessing.firstOrNull().orEmpty())
    private val frames = when (preprocessing.firstOrNull()?.get("step")) {
        "log_mel" -> LogMelStep.frames(first)
        "mfcc" -> MfccStep.frames(first)
        else -> null
    }
    private val spectrum = frames?.spectrum
    private val isAudio = preprocessing.firstOrNull()?.get("step") == "audio"
    private val rate = if (isAudio) first.read("sample_rate", Checks.whole()) else spectrum?.sampleRate

    /** The steps that rows have still to go through, of a signal all but the first. */
    private val steps = preprocessing.drop(if (rate == null) 0 else 1).map { Preprocess.prepared(it) }
    private var waiting = DoubleArray(0)
    private var latest = DoubleArray(0)
    private var isBegun = false

    init {
        begin()
    }

    /** What comes next is the beginning. */
    fun begin() {
        waiting = DoubleArray(0)
        latest = DoubleArray(0)
        isBegun = spectrum == null || spectrum.padding == "none"
    }

    /** The rows that are complete now, `[n, ...]`. */
    fun push(raw: Any): Tensor {
        if (rate == null) {
            val items = severalOf(raw).map { through(it) }
            return Tensor.concatenated(items.map { it.reshape(listOf(1) + it.shape) })
        }
        val samples = samples(raw, rate)
        if (spectrum == null) return Tensor.of(samples)
        val half = spectrum.fftLength / 2
        latest = (latest + samples).let { it.copyOfRange(maxOf(0, it.size - half - 1), it.size) }
        waiting += samples
        if (!isBegun) {
            val reflects = spectrum.padding == "reflect"
            if (reflects && waiting.size <= half) return complete(spectrum)
            val before = half - (spectrum.fftLength - spectrum.frameLength) / 2
            waiting = DoubleArray(before) { if (reflects) waiting[before - it] else 0.0 } + waiting
            isBegun = true
        }
        return complete(spectrum)
    }

    /** The rows that are complete because the data ends; null where there are no such. */
    fun end(): Tensor? {
        if (spectrum == null) return null
        if (spectrum.padding != "none" && isBegun) {
            val span = spectrum.fftLength - spectrum.frameLength
            val behind = spectrum.fftLength / 2 - (span - span / 2)
            val reflects = spectrum.padding == "reflect"
            waiting += DoubleArray(behind) { if (reflects) latest.getOrElse(latest.size - 2 - it) { 0.0 } else 0.0 }
        }
        return complete(spectrum)
    }

    /** One sample of the model: what its steps make of data of these rows. */
    fun whole(rows: Tensor): Tensor = when {
        frames != null && spectrum != null -> {
            val levels = List(rows.shape[0]) { row ->
                DoubleArray(spectrum.melBins) { rows.doubleAt(row * spectrum.melBins + it) }
            }
            through(frames.laidOut(spectrum.ranged(levels)))
        }
        rate != null -> through(Tensor.of(FloatArray(rows.size) { rows.doubleAt(it).toFloat() }))
        else -> rows
    }

    private fun complete(spectrum: Spectrum): Tensor {
        val (length, step) = spectrum.frameLength to spectrum.frameStep
        val count = if (waiting.size < length) 0 else (waiting.size - length) / step + 1
        val values = DoubleArray(count * spectrum.melBins)
        for (row in 0 until count) {
            val level = spectrum.level(waiting.copyOfRange(row * step, row * step + length))
            level.copyInto(values, row * spectrum.melBins)
        }
        waiting = waiting.copyOfRange(count * step, waiting.size)
        return Tensor.of(values, count, spectrum.melBins)
    }

    private fun samples(raw: Any, rate: Int): DoubleArray {
        if (raw is Recording && raw.rate != rate) {
            throw InputError(
                "a stream takes samples at $rate Hz, came ${raw.rate} Hz: resample the signal before it is cut " +
                    "into pieces",
            )
        }
        if ((raw as? Tensor)?.size == 0 || (raw as? FloatArray)?.size == 0) return DoubleArray(0)
        return Recordings.signal(raw, rate)
    }

    private fun through(value: Any): Tensor =
        steps.fold(value) { made, step -> step(made) } as? Tensor
            ?: throw InputError("expected numbers, came ${littoral.kind(value)}")

    private fun severalOf(raw: Any): List<Any> = when {
        raw is Tensor && raw.shape.size > 1 ->
            List(raw.shape[0]) { raw.rows(it, it + 1).reshape(raw.shape.drop(1)) }
        raw is List<*> && raw.isNotEmpty() && raw[0] !is Number -> raw.filterNotNull()
        else -> listOf(raw)
    }
}
