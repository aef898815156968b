package littoral

import java.io.File
import java.math.BigDecimal
import java.math.RoundingMode

/**
 * How one model file runs on one machine.
 *
 * @property path The file's name.
 * @property format `"tflite"` or `"onnx"`.
 * @property scheme From the file's card, null without one.
 * @property engine The engine that ran it.
 * @property threads Threads of one call.
 * @property latencyP50 Of one [Model.run], in ns, with its 95% interval; the others likewise.
 * @property outliers Runs whose modified z-score is beyond 3.5; they are counted, not left out.
 * @property load A load of the file, in ns: median with interval; null where it was not measured.
 * @property peakMemoryBytes Of the process; null where the system does not say.
 * @property accuracy Share of right answers that the file's card says its proof found; null where it
 *     says nothing.
 * @property rounds The durations of the timed calls in ns, one array a round.
 */
public class Measurement internal constructor(
    public val path: String,
    public val format: String,
    public val scheme: String?,
    public val engine: String,
    public val threads: Int,
    public val load: Estimate?,
    public val peakMemoryBytes: Long?,
    public val sizeBytes: Int,
    public val accuracy: Double?,
    public val rounds: List<DoubleArray>,
) {
    private val samples = Clock.joined(rounds)
    public val latencyP50: Estimate = Statistics.percentileInterval(samples, 0.5)
    public val latencyP90: Estimate = Statistics.percentileInterval(samples, 0.9)
    public val latencyP99: Estimate = Statistics.percentileInterval(samples, 0.99)
    public val outliers: Int = Statistics.outliers(samples)

    /** Timed calls. */
    public val runs: Int get() = samples.size

    /**
     * The fields of `littoral bench --json`, which Python's `Measurement.from_dict` reads: latencies in
     * microseconds, load in milliseconds; null for what is not looked for here.
     */
    public fun toMap(): Map<String, Any?> = linkedMapOf(
        "target" to "local",
        "scenario" to "single_stream",
        "path" to path,
        "format" to format,
        "scheme" to scheme,
        "engine" to engine,
        "options" to emptyMap<String, Any?>(),
        "threads" to threads,
        "runs" to runs,
        "outliers" to outliers,
    ) + fields("latency_p50_us", latencyP50) + fields("latency_p90_us", latencyP90) +
        fields("latency_p99_us", latencyP99) + fields("cold_start_ms", null) + linkedMapOf(
            "load_ms" to load?.let { scaled(it.value, 1e-6) },
            "peak_memory_bytes" to peakMemoryBytes,
            "model_memory_bytes" to null,
            "size_bytes" to sizeBytes,
            "accuracy" to accuracy,
        ) + fields("yardstick_p50_us", null) + mapOf("emulated" to false) + OBSERVED.associateWith { null }

    /** [toMap] as JSON. */
    public fun toJson(): String = Json.write(toMap())

    /** How many times as long this one takes as another that was measured in the same rounds. */
    public fun ratioTo(other: Measurement): Estimate {
        if (rounds.size != other.rounds.size) {
            throw InputError("only measurements of the same rounds can be compared by pairs")
        }
        return Statistics.pairedRatio(medians(rounds), medians(other.rounds))
    }

    public companion object {
        private const val LOADS = 6

        /** Figures of a scenario or a sensor, which only Python looks for. */
        private val OBSERVED = listOf(
            "warmup_runs", "early_stopping_p90_us", "drift", "scatter", "modes", "joules_per_inference",
            "energy_source", "throughput_per_s", "throughput_per_s_low", "throughput_per_s_high", "period_us",
            "missed_share", "missed_share_low", "missed_share_high", "jitter_p50_us", "jitter_p99_us",
        )

        /**
         * Measure models in turn, round by round, so that they can be compared.
         *
         * @param models Loaded models; they stay open.
         * @param plan How long.
         * @param threads What the models were loaded with, for the record.
         * @return One measurement each, in the order given; [ratioTo] compares them.
         * @throws InputError There is nothing to measure, or the plan makes no sense.
         */
        public fun ofModels(models: List<Model>, plan: Plan = Plan(), threads: Int = 1): List<Measurement> =
            onSamples(models, plan, models.map { threads }, null)

        /** As [ofModels], with the threads and the samples of each; random values for null. */
        internal fun onSamples(
            models: List<Model>,
            plan: Plan,
            threads: List<Int>,
            samples: List<List<Map<String, Tensor>>>?,
        ): List<Measurement> {
            check(models, plan)
            val calls = models.mapIndexed { index, model -> call(model, samples?.get(index) ?: listOf(random(model))) }
            val timed = Clock(plan).timeInTurn(calls)
            return models.mapIndexed { index, model ->
                Measurement(
                    model.name, model.format, model.card?.scheme, model.engine, threads[index],
                    model.loadTimes(LOADS), peakMemoryBytes(), model.sizeBytes, model.card?.accuracy, timed[index],
                )
            }
        }

        private fun check(models: List<Model>, plan: Plan) {
            if (models.isEmpty()) throw InputError("nothing to measure: give at least one model file")
            val counts = listOf(Triple("runs", plan.runs, 1), Triple("warmup", plan.warmup, 0))
            for ((name, number, least) in counts) {
                if (number != null && number < least) {
                    throw InputError("$name must be at least $least, not $number")
                }
            }
        }

        /** A call on the samples in turn. */
        private fun call(model: Model, samples: List<Map<String, Tensor>>): () -> Unit {
            model.run(samples[0]) // what does not fit fails here, unmeasured
            var next = 0
            return { model.run(samples[next]).also { next = (next + 1) % samples.size } }
        }

        /** Random values, the same each time. */
        private fun random(model: Model): Map<String, Tensor> {
            val random = java.util.Random(0)
            return model.inputs.associate { it.name to sample(it, random) }
        }

        private const val OPEN_LENGTH = 16

        private fun sample(spec: TensorSpec, random: java.util.Random): Tensor {
            val shape = spec.shape.mapIndexed { axis, size -> size ?: if (axis == 0) 1 else OPEN_LENGTH }
            val count = countOf(shape)
            val dtype = spec.realDType
            if (dtype.isText) return Tensor.zeros(dtype, shape)
            if (dtype.isFloat) return Tensor.real(dtype, shape, DoubleArray(count) { random.nextGaussian() })
            return Tensor.whole(dtype, shape, LongArray(count) { random.nextInt(2).toLong() })
        }

        private fun peakMemoryBytes(): Long? = try {
            val line = File("/proc/self/status").readLines().firstOrNull { it.startsWith("VmHWM:") }
            line?.filter { it.isDigit() }?.toLong()?.times(1024)
        } catch (_: java.io.IOException) {
            null
        }

        private fun medians(rounds: List<DoubleArray>): DoubleArray =
            DoubleArray(rounds.size) { Statistics.percentile(rounds[it], 0.5) }

        private fun fields(name: String, estimate: Estimate?): Map<String, Any?> = linkedMapOf(
            name to estimate?.let { scaled(it.value, 1e-3) },
            "${name}_low" to estimate?.low?.let { scaled(it, 1e-3) },
            "${name}_high" to estimate?.high?.let { scaled(it, 1e-3) },
        )

        private fun scaled(value: Double, factor: Double): Double =
            BigDecimal(value * factor).setScale(3, RoundingMode.HALF_EVEN).toDouble()
    }
}
