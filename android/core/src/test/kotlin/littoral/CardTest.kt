package littoral

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.DynamicTest.dynamicTest
import org.junit.jupiter.api.TestFactory

internal class CardTest {
    @TestFactory
    fun `cards, good and bad, as in Python`(): List<DynamicTest> =
        Golden.cases("cards").mapIndexed { number, case ->
            dynamicTest("$number") {
                val read = runCatching { Card.fromJson(case["text"].toString()) }
                val error = read.exceptionOrNull()
                assertEquals(case["error"], error?.let { it::class.simpleName })
                if (error == null) {
                    assertEquals(case["name"], read.getOrThrow().name)
                    assertEquals(case["inputs"], read.getOrThrow().inputs.size.toLong())
                } else {
                    // What comes after the colon is each language's own.
                    val (wanted, got) = listOf(case["message"].toString(), error.message.orEmpty())
                    assertEquals(wanted.substringBefore(':'), got.substringBefore(':'))
                }
            }
        }
}
