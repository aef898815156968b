package littoral

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.DynamicTest.dynamicTest
import org.junit.jupiter.api.TestFactory

@Suppress("UNCHECKED_CAST")
internal class MeasurementTest {
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
                val written = Golden.parse(measurement.toJson()) as Map<String, Any?>
                assertEquals(wanted, written)
                assertEquals(wanted.keys.toList(), written.keys.toList())
            }
        }
}
