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
}
