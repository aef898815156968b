package littoral.android

import littoral.InputError
import littoral.LittoralError
import littoral.LoadOptions
import littoral.Measurement
import littoral.Model
import littoral.Plan

/**
 * What [BenchmarkActivity] is asked for, and its answer: apart from the activity, so that it can be
 * tested without Android.
 */
internal class BenchmarkRequest(
    private val models: List<String>,
    private val plan: Plan,
    val options: LoadOptions,
) {
    /** The answer as JSON: `measurements`, or `error` with one line. */
    fun answer(device: String, load: (String) -> Model): String {
        val opened = ArrayList<Model>()
        return try {
            models.mapTo(opened, load)
            val measured = Measurement.ofModels(opened, plan, options.threads)
            val figures = measured.joinToString(",") { it.toJson() }
            """{"measurements":[$figures],"environment":{"board":${text(device)}}}"""
        } catch (error: LittoralError) {
            """{"error":${text(error.message)}}"""
        } finally {
            opened.forEach { it.close() }
        }
    }

    companion object {
        /** Read the extras of an intent. */
        fun of(extra: (String) -> String?): BenchmarkRequest {
            fun number(name: String): Int? = extra(name)?.let {
                it.toIntOrNull() ?: throw InputError("$name is '$it': expected a whole number")
            }
            val plan = Plan(number("runs"), number("warmup"), number("duration_ms")?.toLong() ?: DURATION_MS)
            val models = extra("models").orEmpty().split(',').filter { it.isNotEmpty() }
            return BenchmarkRequest(
                models,
                plan,
                LoadOptions(engine = extra("engine") ?: "auto", threads = number("threads") ?: 1),
            )
        }

        private const val DURATION_MS = 1000L

        private fun text(value: String): String =
            "\"" + value.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", " ") + "\""
    }
}
