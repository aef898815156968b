package littoral.steps

import kotlin.math.PI
import kotlin.math.abs
import kotlin.math.ceil
import kotlin.math.floor
import kotlin.math.sin

/** A picture in the making: values row by row, channels last. */
internal class Pixels(
    val height: Int,
    val width: Int,
    val channels: Int,
    val values: FloatArray,
)

/**
 * Resizing pictures: for each output row or column a few input ones, and a weight for each.
 *
 * Pixel centres lie at half-integers: output i looks at `(i + 0.5) * size_in / size_out`, counted from
 * the picture's edge. Weights are computed in Double, the sums in Float.
 */
internal object Resizing {
    val FILTERS = arrayOf("nearest", "bilinear", "bicubic", "lanczos3", "area")

    /** The weights of one output: those of the inputs from [first] on. */
    private class Taps(val first: Int, val weights: FloatArray)

    /** A resized picture, not clipped. */
    fun resize(pixels: Pixels, height: Int, width: Int, filter: String, antialias: Boolean): Pixels {
        val (rows, columns) = listOf(pixels.height to height, pixels.width to width)
            .map { (sizeIn, sizeOut) -> taps(filter, sizeIn, sizeOut, antialias) }
        val narrow = along(pixels.values, 1, pixels.height, pixels.width * pixels.channels, rows)
        val resized = along(narrow, height, pixels.width, pixels.channels, columns)
        return Pixels(height, width, pixels.channels, resized)
    }

    private fun taps(filter: String, sizeIn: Int, sizeOut: Int, antialias: Boolean): List<Taps> {
        val scale = sizeIn.toDouble() / sizeOut
        return List(sizeOut) { output ->
            when (filter) {
                "area" -> area(output, scale, sizeIn)
                "nearest" -> nearest(output, scale, sizeIn)
                else -> kernel(filter, output, scale, sizeIn, if (antialias) maxOf(1.0, scale) else 1.0)
            }
        }
    }

    private fun nearest(output: Int, scale: Double, sizeIn: Int): Taps =
        Taps(minOf(floor((output + 0.5) * scale).toInt(), sizeIn - 1), floatArrayOf(1f))

    private fun area(output: Int, scale: Double, sizeIn: Int): Taps {
        val low = output * scale
        val high = (output + 1) * scale
        return normalised(floor(low), ceil(high), sizeIn) { index ->
            maxOf(0.0, minOf(high, index + 1.0) - maxOf(low, index.toDouble()))
        }
    }

    private fun kernel(filter: String, output: Int, scale: Double, sizeIn: Int, stretch: Double): Taps {
        val centre = (output + 0.5) * scale
        val radius = if (filter == "bilinear")
            1
        else if (filter == "bicubic")
            2
        else
            3
        val first = floor(centre - radius * stretch + 0.5)
        val last = floor(centre + radius * stretch + 0.5)
        return normalised(first, last, sizeIn) { at(filter, (it + 0.5 - centre) / stretch) }
    }

    private fun at(filter: String, x: Double): Double = when (filter) {
        "bilinear" -> maxOf(0.0, 1 - abs(x))
        "bicubic" -> cubic(abs(x))
        else -> if (abs(x) < 3) sinc(x) * sinc(x / 3) else 0.0
    }

    private fun normalised(first: Double, last: Double, sizeIn: Int, weight: (Int) -> Double): Taps {
        val from = maxOf(first, 0.0).toInt()
        val to = minOf(last, sizeIn.toDouble()).toInt()
        val weights = DoubleArray(to - from) { weight(from + it) }
        val sum = weights.sum()
        return Taps(from, FloatArray(weights.size) { (weights[it] / sum).toFloat() })
    }

    /** Weighted sums along the middle axis of `[outer, size, inner]`. */
    private fun along(values: FloatArray, outer: Int, size: Int, inner: Int, taps: List<Taps>): FloatArray {
        val result = FloatArray(outer * taps.size * inner)
        for (block in 0 until outer) {
            for ((place, own) in taps.withIndex()) {
                val target = (block * taps.size + place) * inner
                for ((offset, weight) in own.weights.withIndex()) {
                    val source = (block * size + own.first + offset) * inner
                    for (element in 0 until inner) {
                        result[target + element] +=
                            values[source + element] * weight
                    }
                }
            }
        }
        return result
    }

    /** Keys, Cubic convolution interpolation (1981), with a = -0.5. */
    private fun cubic(x: Double): Double = when {
        x < 1 -> (1.5 * x - 2.5) * x * x + 1
        x < 2 -> ((-0.5 * x + 2.5) * x - 4) * x + 2
        else -> 0.0
    }

    private fun sinc(x: Double): Double = if (x == 0.0) 1.0 else sin(PI * x) / (PI * x)
}
