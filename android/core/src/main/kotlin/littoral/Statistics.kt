package littoral

import kotlin.math.ceil
import kotlin.math.ln
import kotlin.math.sqrt

/**
 * A figure with its interval, all three in one unit.
 *
 * @property value The point estimate.
 * @property low Lower end; null when there are too few measurements to give one.
 * @property high Upper end; null when there are too few measurements to give one.
 */
public data class Estimate(
    public val value: Double,
    public val low: Double? = null,
    public val high: Double? = null,
) {
    /** True when the interval reaches at most [tolerance] times the value to either side. */
    public fun isWithin(tolerance: Double): Boolean =
        low != null && high != null && maxOf(value - low, high - value) <= tolerance * value
}

/**
 * Pure functions over repeated measurements: percentiles, intervals, outliers, paired ratios.
 *
 * Nothing here assumes a distribution. Latencies are skewed, have several modes and heavy tails, so
 * every figure is an order statistic: one of the measured values, never a mean of them. The methods and
 * their sources are those of `littoral.statistics` in Python; a test holds the figures equal.
 */
public object Statistics {
    private const val CONFIDENCE = 0.95
    private const val BATCHES = 20

    /** Student's t of 19 degrees of freedom at 97.5%. */
    private const val BATCH_T = 2.093
    private const val FEWEST_A_BATCH = 10

    /** Modified z-score beyond which a value is an outlier (Iglewicz and Hoaglin 1993). */
    private const val OUTLIER_THRESHOLD = 3.5
    private const val MOST_CANDIDATES = 1000
    private const val OUTERMOST = 300

    /** The nearest-rank percentile: the smallest value with [fraction] of the samples up to it. */
    public fun percentile(samples: DoubleArray, fraction: Double): Double {
        val ordered = ordered(samples, fraction)
        return ordered[rank(ordered.size, fraction) - 1]
    }

    /**
     * A percentile with its 95% interval from binomial order statistics, widened to what consecutive
     * batches bear out.
     *
     * @param samples At least one number, in the order of measuring.
     * @param fraction Between 0 and 1.
     */
    public fun percentileInterval(samples: DoubleArray, fraction: Double): Estimate {
        val ordered = ordered(samples, fraction)
        val n = ordered.size
        var (low, high) = intervalRanks(n, fraction)
        if (n >= BATCHES * FEWEST_A_BATCH) {
            val (outerLow, outerHigh) = batchInterval(samples, ordered, fraction)
            low = low?.let { minOf(it, outerLow) }
            high = high?.let { maxOf(it, outerHigh) }
        }
        return Estimate(
            ordered[rank(n, fraction) - 1],
            low?.let { ordered[it - 1] },
            high?.let { ordered[it - 1] },
        )
    }

    /** The fewest independent runs that give both ends of a percentile's interval. */
    public fun runsNeeded(fraction: Double): Int =
        ceil(ln((1 - CONFIDENCE) / 2) / ln(maxOf(fraction, 1 - fraction))).toInt()

    /** How many samples are outliers by the modified z-score; they are counted, nothing is removed. */
    public fun outliers(samples: DoubleArray): Int {
        if (samples.size < 3) return 0
        val middle = median(samples)
        val deviation = DoubleArray(samples.size) { Math.abs(samples[it] - middle) }
        var spread = median(deviation) / 0.6745
        if (spread == 0.0) spread = deviation.sum() / deviation.size * 1.2533
        return if (spread == 0.0) 0 else deviation.count { it / spread > OUTLIER_THRESHOLD }
    }

    /**
     * The median ratio of two series that were measured in turn, paired by round, with the interval
     * that the sign test gives. Pairs whose denominator is 0 are left out.
     *
     * @throws InputError The series differ in length, or no pair is left.
     */
    public fun pairedRatio(numerators: DoubleArray, denominators: DoubleArray): Estimate {
        if (numerators.size != denominators.size) {
            throw InputError("${numerators.size} rounds against ${denominators.size}")
        }
        val usable = denominators.indices.filter { denominators[it] > 0 }
        if (usable.isEmpty()) throw InputError("no round has a duration above 0")
        val ratios = DoubleArray(usable.size) { numerators[usable[it]] / denominators[usable[it]] }
        return percentileInterval(ratios, 0.5)
    }

    /** Ranks (from 1) of the order statistics that bracket a percentile, null for an end out of reach. */
    private fun intervalRanks(n: Int, fraction: Double): Pair<Int?, Int?> {
        val (first, mass) = binomial(n, fraction)
        val tail = (1 - CONFIDENCE) / 2
        var sum = 0.0
        val low = first + mass.count { probability -> (sum + probability).also { sum = it } <= tail }
        sum = 0.0
        val reversed = mass.reversedArray()
        val high = first + reversed.count { probability -> (sum + probability).also { sum = it } > tail }
        return low.takeIf { it >= 1 } to high.takeIf { it <= n }
    }

    /** Ranks that bracket a percentile where neighbouring samples resemble each other. */
    private fun batchInterval(samples: DoubleArray, ordered: DoubleArray, fraction: Double): Pair<Int, Int> {
        val n = samples.size
        val size = n / BATCHES
        val batches = List(BATCHES) { samples.copyOfRange(it * size, (it + 1) * size).apply { sort() } }
        val ranks = candidateRanks(n)
        val shares = ranks.map { rank ->
            DoubleArray(BATCHES) { countUpTo(batches[it], ordered[rank - 1]).toDouble() / size }
        }
        val mean = DoubleArray(ranks.size) { shares[it].sum() / BATCHES }
        val scatter = DoubleArray(ranks.size) { index ->
            val squares = shares[index].sumOf { (it - mean[index]) * (it - mean[index]) }
            squares / (BATCHES - 1) / BATCHES
        }
        val independent = DoubleArray(ranks.size) { mean[it] * (1 - mean[it]) / n }
        val here = ranks.indexOfFirst { it >= rank(n, fraction) }
        val excess = if (independent[here] != 0.0) scatter[here] / independent[here] else 1.0
        val margin = DoubleArray(ranks.size) { BATCH_T * sqrt(maxOf(scatter[it], excess * independent[it])) }
        val low = ranks.indices.lastOrNull { mean[it] + margin[it] < fraction }?.let { ranks[it] } ?: 1
        val high = ranks.indices.firstOrNull { mean[it] - margin[it] > fraction }?.let { ranks[it] } ?: n
        return low to high
    }

    /** Every rank of few samples; of many, 1000 spread evenly and the outermost 300. */
    private fun candidateRanks(n: Int): List<Int> {
        val count = minOf(n, MOST_CANDIDATES)
        val spread = (0 until count).map {
            if (count ==
                1
            )
                1
            else
                (1 + it * ((n - 1.0) / (count - 1))).toInt()
        }
        val ends = (1..minOf(n, OUTERMOST)).toList()
        return (ends + spread + n + ends.map { n + 1 - it }).toSortedSet().toList()
    }

    /**
     * Probabilities of binomial(n, fraction) within 10 standard deviations of its mode, grown outward
     * from the mode by the ratio of neighbours, which neither overflows nor loses digits at any n.
     */
    private fun binomial(n: Int, fraction: Double): Pair<Int, DoubleArray> {
        val mode = minOf(n, ((n + 1) * fraction).toInt())
        val reach = (10 * sqrt(n * fraction * (1 - fraction))).toInt() + 30
        val odds = fraction / (1 - fraction)
        val rising = ArrayList<Double>()
        for (k in mode until minOf(n, mode + reach)) {
            rising += (rising.lastOrNull() ?: 1.0) * ((n - k).toDouble() / (k + 1) * odds)
        }
        val falling = ArrayList<Double>()
        for (k in mode downTo maxOf(0, mode - reach) + 1) {
            falling += (falling.lastOrNull() ?: 1.0) * (k.toDouble() / (n - k + 1) / odds)
        }
        val mass = falling.reversed() + 1.0 + rising
        val sum = mass.sum()
        return mode - falling.size to DoubleArray(mass.size) { mass[it] / sum }
    }

    private fun countUpTo(sorted: DoubleArray, value: Double): Int {
        var from = 0
        var to = sorted.size
        while (from < to) {
            val middle = (from + to) / 2
            if (sorted[middle] <= value) from = middle + 1 else to = middle
        }
        return from
    }

    private fun median(values: DoubleArray): Double {
        val sorted = values.sortedArray()
        return (sorted[(sorted.size - 1) / 2] + sorted[sorted.size / 2]) / 2
    }

    private fun ordered(samples: DoubleArray, fraction: Double): DoubleArray {
        if (fraction <= 0 || fraction >= 1) {
            throw InputError("a percentile lies between 0 and 1, not at $fraction")
        }
        if (samples.isEmpty()) throw InputError("no samples")
        return samples.sortedArray()
    }

    // 0.07 * 100 is 7.000000000000001: a whole rank must not be rounded up by that.
    private fun rank(n: Int, fraction: Double): Int = maxOf(1, ceil(n * fraction - 1e-9).toInt())
}
