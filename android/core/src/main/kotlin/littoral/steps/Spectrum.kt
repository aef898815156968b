package littoral.steps

import littoral.InputError
import littoral.Tensor
import kotlin.math.PI
import kotlin.math.cos
import kotlin.math.exp
import kotlin.math.ln
import kotlin.math.log10
import kotlin.math.sqrt

/** From a signal to mel bands, frame by frame: what `log_mel` and `mfcc` share. */
internal class Spectrum(fields: Fields) {
    val sampleRate = fields.read("sample_rate", Checks.whole())
    val frameLength = fields.read("frame_length", Checks.whole())
    val frameStep = fields.read("frame_step", Checks.whole())
    val fftLength = fields.read("fft_length", Checks.whole(most = 1 shl 20))
    val melBins = fields.read("mel_bins", Checks.whole(most = 1 shl 16))
    private val frames = fields.read("frames", null, Checks.optional(Checks.whole()))
    private val lowHz = fields.read("low_hz", 0.0, Checks.number)
    private val topHz = fields.read("high_hz", null, Checks.optional(Checks.aboveZero)) ?: (sampleRate / 2.0)
    private val isSlaney = fields.read("mel_scale", "slaney", Checks.oneOf("slaney", "htk")) == "slaney"
    private val norm = fields.read("norm", "area", Checks.oneOf("area", "peak"))
    private val window = fields.read("window", "hann", Checks.oneOf("hann", "hamming"))
    val padding = fields.read("padding", "zero", Checks.oneOf("zero", "reflect", "none"))
    private val power = fields.read("power", "2", Checks.oneOf("1", "2"))
    private val log = fields.read("log", "db", Checks.oneOf("db", "ln", "none"))
    private val floor = fields.read("floor", 1e-10, Checks.number)
    private val offset = fields.read("offset", 0.0, Checks.number)
    private val reference = fields.read("reference", 1.0) { if (it == "max") null else Checks.aboveZero(it) }
    private val rangeDb = fields.read("range_db", 80.0, Checks.optional(Checks.aboveZero))
    private val layout = fields.read("layout", "frames_first", Checks.oneOf("frames_first", "frames_last"))

    init {
        fields.demand(frameLength <= fftLength) { "frame_length is more than fft_length" }
        fields.demand(0 <= lowHz && lowHz < topHz && topHz <= sampleRate / 2.0) {
            "expected 0 <= low_hz < high_hz <= half the sample_rate"
        }
        fields.demand(log == "none" || floor + offset > 0) {
            "a logarithm needs a floor or an offset above 0"
        }
    }

    private val weights = DoubleArray(frameLength) { index ->
        val cosine = cos(2 * PI * index / frameLength)
        if (window == "hamming") 0.54 - 0.46 * cosine else 0.5 - 0.5 * cosine
    }
    private val fourier = Fourier(fftLength)
    private val filters = melFilters()

    /** Levels of a whole signal's bands, frame by frame. */
    fun levels(signal: DoubleArray): List<DoubleArray> = ranged(framesOf(signal).map(::level))

    /** Levels of one frame for itself: all of [levels] but for [ranged]. */
    fun level(frame: DoubleArray): DoubleArray {
        val mel = mel(DoubleArray(frameLength) { frame[it] * weights[it] })
        if (log == "none") return mel
        val zero = log10(reference ?: 1.0)
        return DoubleArray(mel.size) {
            val raised = maxOf(mel[it], floor) + offset
            if (log == "ln") ln(raised) else 10 * (log10(raised) - zero)
        }
    }

    /** What the settings make of levels in dB by the loudest of them. */
    fun ranged(levels: List<DoubleArray>): List<DoubleArray> {
        if (log != "db") return levels
        val loudest = levels.maxOf { it.max() }
        val shift = if (reference == null) loudest else 0.0
        val least = rangeDb?.let { loudest - shift - it } ?: Double.NEGATIVE_INFINITY
        return levels.map { frame -> DoubleArray(frame.size) { maxOf(frame[it] - shift, least) } }
    }

    /** Cut or padded to the settings' frames, zeros at the end, the axes in their order. */
    fun laidOut(values: List<DoubleArray>): Tensor {
        val count = frames ?: values.size
        val features = values[0].size
        val isFirst = layout == "frames_first"
        val result = FloatArray(count * features)
        for (frame in 0 until minOf(count, values.size)) {
            for (k in 0 until features) {
                result[if (isFirst) frame * features + k else k * count + frame] = values[frame][k].toFloat()
            }
        }
        return if (isFirst) Tensor.of(result, count, features) else Tensor.of(result, features, count)
    }

    private fun framesOf(signal: DoubleArray): List<DoubleArray> {
        // Padded, the window stands in the middle of the FFT's span.
        val half = if (padding == "none") 0 else fftLength / 2
        val left = if (padding == "none") 0 else (fftLength - frameLength) / 2
        val span = if (padding == "none") frameLength else fftLength
        if (padding == "reflect" && signal.size <= half) {
            throw InputError("${signal.size} samples are too few to be mirrored: more than $half")
        }
        val last = signal.size + 2 * half - span
        if (last < 0) throw InputError("${signal.size} samples are too few for a frame of $frameLength")
        return (0..last step frameStep).map { start ->
            DoubleArray(frameLength) { sample(signal, start + left - half + it) }
        }
    }

    private fun sample(signal: DoubleArray, at: Int): Double {
        if (at in signal.indices) return signal[at]
        if (padding != "reflect") return 0.0
        return signal[if (at < 0) -at else 2 * (signal.size - 1) - at]
    }

    private fun mel(frame: DoubleArray): DoubleArray {
        val strength = fourier.power(frame)
        if (power == "1") for (k in strength.indices) strength[k] = sqrt(strength[k])
        return DoubleArray(melBins) { filters[it].dot(strength) }
    }

    /** A triangle over the bins of a spectrum, without the zeros around it. */
    private class Triangle(val first: Int, val heights: DoubleArray) {
        fun dot(strength: DoubleArray): Double {
            var sum = 0.0
            for (k in heights.indices) sum += heights[k] * strength[first + k]
            return sum
        }
    }

    /** Overlapping triangles, evenly spaced on the mel scale; Slaney's are straight over Hz. */
    private fun melFilters(): List<Triangle> {
        val ends = toMel(lowHz) to toMel(topHz)
        val mels = DoubleArray(melBins + 2) { ends.first + (ends.second - ends.first) * it / (melBins + 1) }
        val hertz = DoubleArray(mels.size) { toHertz(mels[it]) }
        val edges = if (isSlaney) hertz else mels
        val bins = DoubleArray(fftLength / 2 + 1) { k ->
            val frequency = k * (sampleRate.toDouble() / fftLength)
            if (isSlaney) frequency else toMel(frequency)
        }
        return List(melBins) { bin ->
            val (low, middle, high) = edges.slice(bin..bin + 2)
            val scale = if (norm == "area") 2 / (hertz[bin + 2] - hertz[bin]) else 1.0
            val heights = DoubleArray(bins.size) { k ->
                maxOf(0.0, minOf((bins[k] - low) / (middle - low), (high - bins[k]) / (high - middle))) *
                    scale
            }
            val first = maxOf(0, heights.indexOfFirst { it > 0 })
            Triangle(first, heights.copyOfRange(first, maxOf(first, heights.indexOfLast { it > 0 } + 1)))
        }
    }

    // Slaney, Auditory Toolbox (1998): linear below 1000 Hz, 200/3 Hz a mel; above, 27 mels for each
    // factor of 6.4. Young and others, The HTK Book (2006), section 5.4.
    private fun toMel(hertz: Double): Double = when {
        !isSlaney -> 1127.0 * ln(1 + hertz / 700.0)
        hertz < BREAK_HZ -> hertz / LINEAR_HZ
        else -> BREAK_HZ / LINEAR_HZ + ln(hertz / BREAK_HZ) / LOG_STEP
    }

    private fun toHertz(mel: Double): Double {
        if (!isSlaney) return 700.0 * (exp(mel / 1127.0) - 1)
        val beyond = mel - BREAK_HZ / LINEAR_HZ
        return if (beyond < 0) mel * LINEAR_HZ else BREAK_HZ * exp(LOG_STEP * beyond)
    }

    internal companion object {
        val REQUIRED = listOf("sample_rate", "frame_length", "frame_step", "fft_length", "mel_bins")
        val OPTIONAL = (
            "frames low_hz high_hz mel_scale norm window padding power log floor offset " +
                "reference range_db layout"
        ).split(' ')
        private const val LINEAR_HZ = 200.0 / 3
        private const val BREAK_HZ = 1000.0
        private val LOG_STEP = ln(6.4) / 27
    }
}
