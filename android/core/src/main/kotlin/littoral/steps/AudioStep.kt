package littoral.steps

import littoral.Tensor

/** A recording to one channel of samples at a fixed rate, cut or padded to a length. */
internal object AudioStep {
    fun prepare(fields: Fields): (Any) -> Tensor {
        fields.expect(listOf("sample_rate"), listOf("length"))
        val rate = fields.read("sample_rate", Checks.whole())
        val length = fields.read("length", null, Checks.optional(Checks.whole()))
        return { raw ->
            val signal = Recordings.signal(raw, rate)
            Tensor.of(
                FloatArray(length ?: signal.size) { if (it < signal.size) signal[it].toFloat() else 0f },
            )
        }
    }
}
