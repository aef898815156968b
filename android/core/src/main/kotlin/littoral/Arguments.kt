package littoral

/**
 * From whatever a caller hands to [Model.run] to one checked tensor per input.
 *
 * Three questions, in order: which value belongs to which input ([assign]), may it become the
 * input's type without loss that the caller would not expect ([admit]), and is it one sample, a
 * batch, or exactly what the file takes ([layOut]).
 */
internal object Arguments {
    /** One value per input by name; a single input may also be called `x`. */
    fun assign(values: Map<String, Tensor>, specs: List<TensorSpec>): List<Tensor> {
        if (specs.size == 1 && values.keys == setOf("x")) return values.values.toList()
        val names = specs.map { it.name }
        val listed = names.joinToString { quoted(it) }
        values.keys.firstOrNull { it !in names }?.let {
            throw InputError("unknown input ${quoted(it)}: the model's inputs are $listed")
        }
        names.firstOrNull { it !in values }?.let {
            throw InputError("input ${quoted(it)} is missing: expected $listed")
        }
        return names.map { values.getValue(it) }
    }

    /** One value per input, in the order of the specs. */
    fun assign(values: List<Tensor>, specs: List<TensorSpec>): List<Tensor> {
        val names = namesOf(specs)
        if (specs.size > 1 && values.size == 1) {
            throw InputError(
                "the model has ${specs.size} inputs ($names): expected a list in this " +
                    "order or a map by name, came one tensor",
            )
        }
        if (values.size != specs.size) {
            throw InputError("expected ${specs.size} inputs ($names), came ${values.size}")
        }
        return values
    }

    /** The value in the type that the engine or the quantization takes. */
    fun admit(value: Tensor, spec: TensorSpec, raw: Boolean): Tensor {
        if (raw) {
            if (value.dtype != spec.dtype) {
                throw InputError(
                    "input ${quoted(spec.name)}: expected ${spec.dtype} as the file holds it, " +
                        "came ${value.dtype}",
                )
            }
            return value
        }
        val dtype = spec.realDType
        return when {
            dtype.isText && value.dtype.isText -> value
            dtype.isText -> throw InputError("input ${quoted(spec.name)}: expected text, came ${value.dtype}")
            value.dtype.isText ->
                throw InputError("input ${quoted(spec.name)}: expected $dtype, came ${value.dtype}")
            dtype.isFloat -> real(value, spec, dtype)
            else -> whole(value, spec, dtype)
        }
    }

    private fun real(value: Tensor, spec: TensorSpec, dtype: DType): Tensor {
        if (value.dtype.isFloat) refuseNonFinite(value, spec)
        if (!spec.isQuantized && value.dtype.size > spec.dtype.size) refuseTooLarge(value, spec)
        if (value.dtype == dtype) return value
        return Tensor.real(dtype, value.shape, DoubleArray(value.size) { value.doubleAt(it) })
    }

    private fun refuseNonFinite(value: Tensor, spec: TensorSpec) {
        val bad = if (value.dtype == DType.FLOAT32) {
            value.floats.count { !it.isFinite() }
        } else {
            (0 until value.size).count { !value.doubleAt(it).isFinite() }
        }
        if (bad > 0) {
            throw InputError(
                "input ${quoted(spec.name)}: $bad of ${value.size} values are NaN or infinite; " +
                    "expected finite numbers",
            )
        }
    }

    private fun refuseTooLarge(value: Tensor, spec: TensorSpec) {
        val limit = if (spec.dtype == DType.FLOAT16) LARGEST_HALF else Float.MAX_VALUE.toDouble()
        val largest = (0 until value.size).maxOfOrNull { kotlin.math.abs(value.doubleAt(it)) } ?: 0.0
        if (largest > limit) {
            throw InputError(
                "input ${quoted(spec.name)}: a value of ${general(largest)} is too large for ${spec.dtype}",
            )
        }
    }

    private fun whole(value: Tensor, spec: TensorSpec, dtype: DType): Tensor {
        if (value.dtype == dtype) return value
        if (value.size == 0) return Tensor.zeros(dtype, value.shape)
        if (value.dtype.isFloat) {
            val isWhole = (0 until value.size).all { index ->
                value.doubleAt(index).let { it.isFinite() && Math.rint(it) == it }
            }
            if (!isWhole) {
                throw InputError(
                    "input ${quoted(spec.name)}: expected whole numbers ($dtype), came ${value.dtype} " +
                        "with fractions, NaN or infinity",
                )
            }
        }
        val numbers = LongArray(value.size) { value.longAt(it) }
        val least = numbers.min()
        val most = numbers.max()
        if (least < dtype.least || most > dtype.most) {
            throw InputError(
                "input ${quoted(spec.name)}: values from $least to $most do not fit $dtype " +
                    "(${dtype.least} to ${dtype.most})",
            )
        }
        return Tensor.whole(dtype, value.shape, numbers)
    }

    /**
     * Tensors as the file takes them, but for the number of samples.
     *
     * @property isSample True when the caller gave one sample without a batch axis.
     * @property count Samples, null when the tensors go in as they are.
     * @property step Samples that the file takes at once; only meaningful with a count.
     */
    class Batch(
        val tensors: List<Tensor>,
        val isSample: Boolean = false,
        val count: Int? = null,
        val step: Int = 1,
    )

    /** Decide whether the tensors are one sample, a batch, or exactly what the file takes. */
    fun layOut(tensors: List<Tensor>, specs: List<TensorSpec>, outputs: List<TensorSpec>): Batch {
        val pairs = tensors.zip(specs)
        for ((tensor, spec) in pairs) {
            if (tensor.size == 0 && 0 !in spec.shape) {
                throw InputError("input ${quoted(spec.name)} is empty: its shape is ${tensor.shape}")
            }
        }
        if (pairs.all { (tensor, spec) -> fits(tensor.shape, spec.shape) }) return Batch(tensors)
        val step = step(specs + outputs)
        if (step > 0 && pairs.all { (tensor, spec) -> fitsSample(tensor, spec) }) {
            return Batch(tensors.map { it.reshape(listOf(1) + it.shape) }, true, 1, step)
        }
        for ((tensor, spec) in pairs) {
            if (step == 0 || !fitsBatch(tensor, spec)) throw misfit(tensor, spec, step)
        }
        refuseDifferentCounts(pairs)
        return Batch(tensors, false, tensors[0].shape[0], step)
    }

    private fun fits(shape: List<Int>, wanted: List<Int?>): Boolean =
        shape.size == wanted.size && shape.zip(wanted).all { (have, size) -> size == null || size == have }

    private fun fitsSample(tensor: Tensor, spec: TensorSpec): Boolean =
        spec.shape.isNotEmpty() && fits(tensor.shape, spec.shape.drop(1))

    private fun fitsBatch(tensor: Tensor, spec: TensorSpec): Boolean =
        tensor.shape.isNotEmpty() && spec.shape.isNotEmpty() &&
            fits(tensor.shape.drop(1), spec.shape.drop(1))

    /** Samples the file takes at once, 0 when its first axes do not count samples. */
    private fun step(specs: List<TensorSpec>): Int {
        val leading = specs.map { if (it.shape.isEmpty()) 0 else it.shape[0] }.toSet() - null
        return if (leading.isEmpty()) 1 else leading.singleOrNull() ?: 0
    }

    private fun refuseDifferentCounts(pairs: List<Pair<Tensor, TensorSpec>>) {
        if (pairs.map { it.first.shape[0] }.toSet().size > 1) {
            val listed = pairs.joinToString { (tensor, spec) -> "${quoted(spec.name)} ${tensor.shape[0]}" }
            throw InputError("the inputs hold different numbers of samples: $listed")
        }
    }

    private fun misfit(tensor: Tensor, spec: TensorSpec, step: Int): InputError {
        val shape = shownSizes(spec.shape)
        val ways = if (step > 0 && shape.isNotEmpty()) {
            ", a batch ${listOf("N") + shape.drop(1)} or one sample ${shape.drop(1)}"
        } else {
            ""
        }
        return InputError(
            "input ${quoted(spec.name)}: expected ${spec.realDType} of shape $shape$ways, " +
                "came ${tensor.dtype} of shape ${tensor.shape}",
        )
    }

    private const val LARGEST_HALF = 65504.0
}
