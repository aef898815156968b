package littoral

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

internal class TensorTest {
    private fun refused(make: () -> Unit) = assertThrows(InputError::class.java) { make() }.message

    @Test
    fun `shapes that hold too much, or less than nothing, are refused`() {
        for (shape in listOf(listOf(65_536, 65_536), listOf(Int.MAX_VALUE, 2), List(40) { 100 })) {
            assertTrue("more values than one tensor can" in refused { Tensor.zeros(DType.FLOAT32, shape) })
            assertTrue("more values" in refused { Tensor.read(DType.INT8, shape, ByteArray(4)) })
        }
        assertEquals("shape [2, -1] has a negative size", refused { Tensor.zeros(DType.INT8, listOf(2, -1)) })
        assertTrue("does not fit into memory" in refused { Tensor.zeros(DType.FLOAT64, listOf(1_000_000_000)) })
        assertEquals(0, Tensor.zeros(DType.FLOAT32, listOf(65_536, 65_536, 0)).size)
    }

    @Test
    fun `bytes and rows that are not there are refused`() {
        val wanted = "7 bytes do not fill a tensor of float32 and shape [2]"
        assertEquals(wanted, refused { Tensor.read(DType.FLOAT32, listOf(2), ByteArray(7)) })
        val x = Tensor.of(floatArrayOf(1f, 2f))
        for ((from, to) in listOf(0 to 3, -1 to 1, 2 to 1)) {
            assertEquals("a tensor of shape [2] has no rows $from until $to", refused { x.rows(from, to) })
        }
        assertEquals(0, x.rows(2, 2).size)
    }
}
