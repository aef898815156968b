package littoral

import littoral.formats.arityOf
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

internal class ArityTest {
    @Test
    fun `operators take and give what Python's table says`() {
        val table = Golden.cases("arities")
        assertEquals(212, table.size)
        for (case in table) {
            val kind = (case["kind"] as Long).toInt()
            assertEquals(case["arity"], arityOf(kind).map { it.toLong() }, "operator $kind")
        }
    }
}
