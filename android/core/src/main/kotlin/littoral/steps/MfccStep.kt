package littoral.steps

import littoral.Tensor
import kotlin.math.PI
import kotlin.math.cos
import kotlin.math.sqrt

/**
 * From a recording to frames.
 *
 * @property transform From the levels of a frame to what the step gives of it.
 */
internal class Frames(val spectrum: Spectrum, private val transform: (DoubleArray) -> DoubleArray) {
    /** What the step makes of a whole recording. */
    fun of(raw: Any): Tensor = laidOut(spectrum.levels(Recordings.signal(raw, spectrum.sampleRate)))

    /** What the step makes of a recording of these levels. */
    fun laidOut(levels: List<DoubleArray>): Tensor = spectrum.laidOut(levels.map { transform(it) })
}

/** A recording to the levels of its mel bands, frame by frame. */
internal object LogMelStep {
    fun frames(fields: Fields): Frames =
        Frames(Spectrum(fields.expect(Spectrum.REQUIRED, Spectrum.OPTIONAL))) { it }
}

/** A recording to mel-frequency cepstral coefficients: the cosine transform of `log_mel`'s levels. */
internal object MfccStep {
    fun frames(fields: Fields): Frames {
        fields.expect(Spectrum.REQUIRED + "coefficients", Spectrum.OPTIONAL + "dct")
        val spectrum = Spectrum(fields)
        val kept = fields.read("coefficients", Checks.whole())
        val kind = fields.read("dct", "orthonormal", Checks.oneOf("orthonormal", "htk"))
        fields.demand(kept <= spectrum.melBins) { "coefficients are more than mel_bins" }
        val cosines = cosines(spectrum.melBins, kept, kind)
        return Frames(spectrum) { frame -> DoubleArray(kept) { dot(frame, cosines[it]) } }
    }

    private fun cosines(size: Int, kept: Int, kind: String): List<DoubleArray> = List(kept) { k ->
        val scale = sqrt(if (k == 0 && kind == "orthonormal") 1.0 / size else 2.0 / size)
        DoubleArray(size) { n -> cos(PI * k * (2 * n + 1) / (2 * size)) * scale }
    }

    private fun dot(a: DoubleArray, b: DoubleArray): Double {
        var sum = 0.0
        for (index in a.indices) sum += a[index] * b[index]
        return sum
    }
}
