package littoral

/**
 * One input or output of a model file.
 *
 * @property name The Keras name.
 * @property shape Sizes including the batch axis; null where any size is accepted.
 * @property dtype Of the tensor in the file, for example [DType.INT8].
 * @property scale Real units per quantum for a quantized tensor, null for any other.
 * @property zeroPoint The quantized value that means 0.0; null when [scale] is null.
 */
public data class TensorSpec(
    public val name: String,
    public val shape: List<Int?>,
    public val dtype: DType,
    public val scale: Float? = null,
    public val zeroPoint: Long? = null,
) {
    /** True when the file holds integers that stand for real numbers. */
    public val isQuantized: Boolean get() = scale != null

    /** The type that [Model.run] takes and returns for this tensor. */
    public val realDType: DType
        get() = if (isQuantized || dtype == DType.FLOAT16) DType.FLOAT32 else dtype
}

/** Names of inputs or outputs, for messages. */
internal fun namesOf(specs: List<TensorSpec>): String = specs.joinToString { it.name }

/** Sizes as messages show them. */
internal fun shownSizes(shape: List<Int?>): List<String> = shape.map { it?.toString() ?: "any" }

/** How many values a tensor of this shape has. */
internal fun countOf(shape: List<Int>): Int = shape.fold(1, Int::times)

/**
 * Real numbers to the integers of a quantized tensor, rounded half to even and saturated:
 * `round(real / scale) + zeroPoint`, in the arithmetic of float32.
 */
internal fun quantize(real: FloatArray, spec: TensorSpec): LongArray {
    val scale = requireNotNull(spec.scale) { "${spec.name} is not quantized" }
    val zeroPoint = (spec.zeroPoint ?: 0L).toFloat()
    val least = spec.dtype.least.toFloat()
    val most = spec.dtype.most.toFloat()
    return LongArray(real.size) { index ->
        val quantum = Math.rint((real[index] / scale).toDouble()).toFloat() + zeroPoint
        quantum.coerceIn(least, most).toLong()
    }
}

/** The integers of a quantized tensor to real numbers: `(quantum - zeroPoint) * scale`. */
internal fun dequantize(quanta: Tensor, spec: TensorSpec): Tensor {
    val scale = requireNotNull(spec.scale) { "${spec.name} is not quantized" }
    val zeroPoint = (spec.zeroPoint ?: 0L).toFloat()
    val real = FloatArray(quanta.size) { (quanta.longAt(it).toFloat() - zeroPoint) * scale }
    return Tensor.of(real, quanta.shape)
}

/** A checked value in real units to what the file holds. */
internal fun inFilesType(value: Tensor, spec: TensorSpec): Tensor = when {
    spec.isQuantized -> Tensor.whole(spec.dtype, value.shape, quantize(value.floats, spec))
    spec.dtype == DType.FLOAT16 ->
        Tensor.real(DType.FLOAT16, value.shape, DoubleArray(value.size) { value.doubleAt(it) })
    else -> value
}

/** What the file holds to real units. */
internal fun inReal(value: Tensor, spec: TensorSpec): Tensor = when {
    spec.isQuantized -> dequantize(value, spec)
    spec.dtype == DType.FLOAT16 -> Tensor.of(value.floats, value.shape)
    else -> value
}
