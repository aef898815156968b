package littoral

/**
 * How long to measure.
 *
 * @property runs Exactly so many timed calls of each; null leaves it to the interval and the duration.
 * @property warmup Exactly so many untimed calls first; null warms up until it gets no faster.
 * @property durationMilliseconds At most about so long for each; at least three rounds are made.
 */
public data class Plan(
    public val runs: Int? = null,
    public val warmup: Int? = null,
    public val durationMilliseconds: Long = 1000,
)

/**
 * The clock loop: warm up, then time several calls in turn, round by round, until it is enough.
 *
 * Nothing here knows about models: a call is any function, and the clock is handed in. A round times a
 * burst of each call, in an order shuffled anew (seeded), so that the machine's slow stretches fall on
 * all of them alike. The JVM cannot hold back its collector, as Python can; its pauses show in the
 * highest percentiles, as they do in an app.
 */
internal class Clock(private val plan: Plan, private val now: () -> Long = { System.nanoTime() }) {
    /** Durations in ns of each call: one array a round. */
    fun timeInTurn(calls: List<() -> Unit>): List<List<DoubleArray>> {
        val lengths = calls.map(::warmUp)
        val rounds = calls.map { ArrayList<DoubleArray>() }
        if (plan.runs == null) {
            val sizes = lengths.map { maxOf(1, (BURST_NS / maxOf(1.0, it)).toInt()) }
            untilNarrow(calls, sizes, rounds)
        } else {
            val planned = minOf(plan.runs, MOST_ROUNDS_OF_FIXED_RUNS)
            for (index in 0 until planned) {
                val size = plan.runs * (index + 1) / planned - plan.runs * index / planned
                round(calls, calls.map { size }, index, rounds)
            }
        }
        return rounds
    }

    private fun untilNarrow(
        calls: List<() -> Unit>,
        sizes: List<Int>,
        rounds: List<MutableList<DoubleArray>>,
    ) {
        val end = now() + plan.durationMilliseconds * NANOSECONDS_PER_MILLISECOND * calls.size
        var checkAt = ROUNDS_TO_STOP_EARLY
        var index = 0
        while (index < FEWEST_ROUNDS || now() < end) {
            round(calls, sizes, index, rounds)
            index++
            if (index == checkAt) {
                if (rounds.all(::isEnough)) return
                checkAt = checkAt * 3 / 2
            }
        }
    }

    private fun isEnough(rounds: List<DoubleArray>): Boolean {
        val samples = joined(rounds)
        return samples.size >= Statistics.runsNeeded(0.99) &&
            Statistics.percentileInterval(samples, 0.9).isWithin(NARROW)
    }

    private fun round(
        calls: List<() -> Unit>,
        sizes: List<Int>,
        index: Int,
        rounds: List<MutableList<DoubleArray>>,
    ) {
        for (which in calls.indices.shuffled(kotlin.random.Random(index))) {
            if (sizes[which] > 1 && calls.size > 1) calls[which]()
            rounds[which] += burst(calls[which], sizes[which])
        }
    }

    /** Median length in ns of the last window's calls; a burst's length when there were none. */
    private fun warmUp(call: () -> Unit): Double {
        if (plan.warmup != null) {
            val durations = burst(call, plan.warmup)
            if (durations.isEmpty()) return BURST_NS
            return Statistics.percentile(durations.takeLast(100).toDoubleArray(), 0.5)
        }
        var best = window(call)
        repeat(MOST_WINDOWS - 1) {
            val length = window(call)
            if (length >= STILL_WARMING * best) return length
            best = length
        }
        return best
    }

    private fun window(call: () -> Unit): Double {
        val end = now() + WINDOW_NS
        val durations = ArrayList<Double>()
        while (durations.isEmpty() || now() < end) durations += burst(call, 1)[0]
        return Statistics.percentile(durations.toDoubleArray(), 0.5)
    }

    private fun burst(call: () -> Unit, count: Int): DoubleArray {
        val durations = DoubleArray(count)
        for (index in 0 until count) {
            val before = now()
            call()
            durations[index] = (now() - before).toDouble()
        }
        return durations
    }

    internal companion object {
        const val BURST_NS = 4_000_000.0
        const val NANOSECONDS_PER_MILLISECOND = 1_000_000L
        private const val WINDOW_NS = 10_000_000L
        private const val MOST_WINDOWS = 10

        /** A window below this share of the best one before it is still getting faster. */
        private const val STILL_WARMING = 0.97

        /** The p90 interval that ends the loop early: 2% of the p90 to either side. */
        private const val NARROW = 0.02
        private const val FEWEST_ROUNDS = 3
        private const val ROUNDS_TO_STOP_EARLY = 20
        private const val MOST_ROUNDS_OF_FIXED_RUNS = 50

        /** All rounds behind each other. */
        fun joined(rounds: List<DoubleArray>): DoubleArray =
            rounds.flatMap { it.asIterable() }.toDoubleArray()
    }
}
