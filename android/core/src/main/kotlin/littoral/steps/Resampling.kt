package littoral.steps

import kotlin.math.PI
import kotlin.math.abs
import kotlin.math.sin
import kotlin.math.sqrt

/** Changing a signal's sample rate. */
internal object Resampling {
    private const val KAISER_BETA = 5.0
    private const val ZERO_CROSSINGS = 10

    /**
     * Change the sample rate with a windowed-sinc filter that cuts at the lower half rate: Kaiser
     * window with beta 5 over ten zero crossings on each side.
     *
     * @return `ceil(samples * wanted / rate)` samples.
     */
    fun resample(samples: DoubleArray, rate: Int, wanted: Int): DoubleArray {
        val divisor = greatestCommonDivisor(rate, wanted)
        val up = wanted / divisor
        val down = rate / divisor
        if (up == down) return samples
        val half = ZERO_CROSSINGS * maxOf(up, down)
        val taps = taps(half, maxOf(up, down), up)
        val count = ((samples.size.toLong() * up + down - 1) / down).toInt()
        val reach = half / up + 1
        return DoubleArray(count) { index ->
            val position = index.toLong() * down
            val nearest = position / up
            var sum = 0.0
            for (source in maxOf(0L, nearest - reach)..minOf(samples.size - 1L, nearest + reach)) {
                val distance = position - source * up
                if (abs(distance) <= half) sum += taps[(distance + half).toInt()] * samples[source.toInt()]
            }
            sum
        }
    }

    private fun taps(half: Int, slower: Int, up: Int): DoubleArray {
        val taps = DoubleArray(2 * half + 1) { index ->
            val x = (index - half).toDouble() / slower
            val sinc = if (x == 0.0) 1.0 else sin(PI * x) / (PI * x)
            val across = (index - half).toDouble() / half
            sinc * bessel(KAISER_BETA * sqrt(1 - across * across)) / bessel(KAISER_BETA)
        }
        val sum = taps.sum()
        return DoubleArray(taps.size) { taps[it] * (up / sum) }
    }

    /** The modified Bessel function of the first kind and order 0, by its power series. */
    private fun bessel(x: Double): Double {
        var term = 1.0
        var sum = 1.0
        var k = 1
        while (term > sum * 1e-17) {
            term *= (x / 2 / k) * (x / 2 / k)
            sum += term
            k++
        }
        return sum
    }
}

private tailrec fun greatestCommonDivisor(a: Int, b: Int): Int = if (b == 0) a else greatestCommonDivisor(b, a % b)
