package littoral.steps

import littoral.InputError
import littoral.Tensor
import littoral.kind
import kotlin.math.sqrt

/** Numbers to numbers around 0, of a size around 1. It follows any step that gives numbers. */
internal object StandardizeStep {
    private class Settings(fields: Fields) {
        val of = fields.read("of", "data", Checks.oneOf("data", "sample", "features"))
        val mean = fields.read("mean", null, Checks.optional(Checks.numbers))
        val std = fields.read("std", null, Checks.optional(Checks.divisors))
        val epsilon = fields.read("epsilon", 1e-6, Checks.aboveZero)

        init {
            val given = listOfNotNull(mean, std).size
            fields.demand(given == if (of == "data") 2 else 0) {
                "mean and std are for of data, which needs both"
            }
        }
    }

    fun prepare(fields: Fields): (Any) -> Tensor {
        val settings = Settings(fields.expect(emptyList(), listOf("of", "mean", "std", "epsilon")))
        return { raw -> standardized(settings, raw) }
    }

    private fun standardized(settings: Settings, raw: Any): Tensor {
        val values = raw as? Tensor ?: throw InputError("expected numbers, came ${kind(raw)}")
        if (values.dtype.isText || values.size == 0) {
            throw InputError("expected numbers, came ${values.dtype} ${values.shape}")
        }
        val features = if (settings.of == "sample") 1 else values.shape.lastOrNull() ?: 1
        val numbers = DoubleArray(values.size) { values.doubleAt(it) }
        val mean = settings.mean?.also { fit(it, values) } ?: means(numbers, features)
        val std = settings.std?.also { fit(it, values) }
            ?: deviations(numbers, mean, features).map { maxOf(it, settings.epsilon) }
        return Tensor.of(
            FloatArray(numbers.size) {
                ((numbers[it] - mean[it % mean.size]) / std[it % std.size]).toFloat()
            },
            values.shape,
        )
    }

    private fun fit(given: List<Double>, values: Tensor) {
        if (given.size != 1 && given.size != values.shape.lastOrNull()) {
            throw InputError(
                "the card has ${given.size} means or deviations, the data ${values.shape}",
            )
        }
    }

    private fun means(numbers: DoubleArray, features: Int): List<Double> = List(features) { feature ->
        val count = numbers.size / features
        (0 until count).sumOf { numbers[it * features + feature] } / count
    }

    private fun deviations(numbers: DoubleArray, mean: List<Double>, features: Int): List<Double> {
        val squares = DoubleArray(numbers.size) { index ->
            val off = numbers[index] - mean[index % features]
            off * off
        }
        return means(squares, features).map(::sqrt)
    }
}
