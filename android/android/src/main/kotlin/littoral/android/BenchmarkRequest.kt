package littoral.android

import littoral.Errand
import littoral.InputError
import littoral.LoadOptions
import littoral.Model
import littoral.Plan

/**
 * What [BenchmarkActivity] is asked for in extras: apart from it, so that it can be tested without Android.
 *
 * @param extra The text of an extra, null where there is none.
 */
internal class BenchmarkRequest(private val extra: (String) -> String?) {
    val options = LoadOptions(engine = extra("engine") ?: "auto", threads = number("threads") ?: 1)
    private val models = extra("models").orEmpty().split(',').filter { it.isNotEmpty() }
    private val plan =
        Plan(number("runs"), number("warmup"), number("duration_ms")?.toLong() ?: Plan().durationMilliseconds)

    /** The answer as JSON, as [Errand] gives it. */
    fun answer(facts: Map<String, Any?>, load: (String, BenchmarkRequest) -> Model): String =
        Errand.measure(models.map { name -> { load(name, this) } }, plan, options.threads, facts)

    private fun number(name: String): Int? = extra(name)?.let {
        it.toIntOrNull() ?: throw InputError("$name is '$it': expected a whole number")
    }
}
