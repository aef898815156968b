package littoral

/**
 * A recording in memory, for steps that take sound.
 *
 * @property rate Samples a second.
 * @property samples `[samples]` or `[samples, channels]`, floats from -1 to 1 or PCM integers.
 */
public data class Recording(public val rate: Int, public val samples: Tensor) {
    /** One channel of floats from -1 to 1, as `AudioRecord` gives them. */
    public constructor(rate: Int, samples: FloatArray) : this(rate, Tensor.of(samples))

    /** One channel of 16-bit PCM, as `AudioRecord` gives it. */
    public constructor(rate: Int, samples: ShortArray) : this(rate, Tensor.of(DType.INT16, samples))
}
