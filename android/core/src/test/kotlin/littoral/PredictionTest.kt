package littoral

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.DynamicTest.dynamicTest
import org.junit.jupiter.api.TestFactory
import java.io.File

@Suppress("UNCHECKED_CAST")
internal class PredictionTest {
    @TestFactory
    fun `the golden predictions that every language shares`(): List<DynamicTest> {
        val file = File(Golden.repository, "tests/golden/predictions.json")
        val golden = Golden.parse(file.readText()) as Map<String, Any?>
        val allowed = (golden["tolerance"] as Map<String, Number>).getValue("absolute").toDouble()
        return (golden["cases"] as List<Map<String, Any?>>).map { case ->
            dynamicTest(case["name"].toString()) {
                val scores = (case["scores"] as List<Number>).map { it.toDouble() }.toDoubleArray()
                val described = CardTensor(
                    "scores",
                    emptyList(),
                    labels = case["labels"] as List<String>,
                    activation = case["activation"] as String?,
                )
                val ranked = rank(Tensor.of(scores), described, (case["top"] as Long?)?.toInt())
                val wanted = case["ranked"] as List<List<Any>>
                assertEquals(wanted.map { it[0] to it[2] }, ranked.map { it.label to it.index.toLong() })
                for ((one, other) in wanted.zip(ranked)) {
                    assertEquals((one[1] as Number).toDouble(), other.score.toDouble(), allowed)
                }
            }
        }
    }
}
