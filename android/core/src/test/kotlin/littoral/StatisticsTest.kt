package littoral

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.DynamicTest.dynamicTest
import org.junit.jupiter.api.TestFactory

@Suppress("UNCHECKED_CAST")
internal class StatisticsTest {
    @TestFactory
    fun `the figures that Python finds`(): List<DynamicTest> =
        Golden.cases("statistics").mapIndexed { number, case ->
            val samples = (case["samples"] as List<Long>).map { it.toDouble() }.toDoubleArray()
            dynamicTest("$number of ${samples.size}") {
                val found = listOf(0.5, 0.9, 0.99).map { Statistics.percentileInterval(samples, it) }
                assertEquals(
                    case["figures"],
                    found.map { f ->
                        listOf(f.value, f.low, f.high).map { it?.toLong() }
                    },
                )
                assertEquals(case["outliers"], Statistics.outliers(samples).toLong())
                val other = DoubleArray(samples.size) { samples[samples.size - 1 - it] + 1 }
                val ratio = Statistics.pairedRatio(samples, other)
                (case["ratio"] as List<Double?>).zip(listOf(ratio.value, ratio.low, ratio.high)) {
                    wanted,
                    got,
                    ->
                    if (wanted == null) assertEquals(null, got) else assertEquals(wanted, got!!, 1e-12)
                }
            }
        }

    @TestFactory
    fun `a measurement's JSON is what Python writes and reads of the same durations`(): List<DynamicTest> =
        Golden.cases("measurements").map { case ->
            val wanted = case["fields"] as Map<String, Any?>
            dynamicTest("${wanted["runs"]} runs") {
                val measurement = Measurement(
                    wanted["path"].toString(), "onnx", wanted["scheme"] as String?, "onnxruntime", 2,
                    (wanted["load_ms"] as Double?)?.let { Estimate(it * 1e6) }, wanted["peak_memory_bytes"] as Long?,
                    4096, wanted["accuracy"] as Double?,
                    (case["rounds"] as List<List<Long>>).map { round ->
                        DoubleArray(round.size) { round[it].toDouble() }
                    },
                )
                val written = Json.parse(measurement.toJson()) as Map<String, Any?>
                assertEquals(wanted, written)
                assertEquals(wanted.keys.toList(), written.keys.toList())
            }
        }
}
