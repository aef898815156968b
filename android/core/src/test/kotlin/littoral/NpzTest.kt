package littoral

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import java.io.File

/** Archives that NumPy wrote; that NumPy reads ours, `tests/boards/kotlin_app.py` shows. */
internal class NpzTest {
    private val archive = File(Golden.folder, "arrays.npz")

    @Test
    fun `it reads every type that NumPy writes, and refuses the rest by name`() {
        NpzReader(archive).use { reader ->
            for (case in Golden.cases("arrays")) {
                val name = case["name"].toString()
                val wanted = Golden.tensor(case["array"])
                if (wanted != null) {
                    assertEquals(wanted, reader[name], name)
                } else {
                    val error = assertThrows(InputError::class.java) { reader[name] }
                    assertTrue("array '$name'" in error.message, error.message)
                }
            }
            assertNull(reader["nowhere"])
        }
    }

    @Test
    fun `it reads what it wrote`(
        @TempDir folder: File,
    ) {
        val file = File(folder, "own.npz")
        val tensors = Golden.cases("arrays").mapNotNull { case ->
            Golden.tensor(case["array"])?.let { case["name"].toString() to it }
        }
        NpzWriter(file).use { writer -> tensors.forEach { (name, values) -> writer.put(name, values) } }
        for ((name, values) in tensors) assertEquals(values, Golden.array(file, name), name)
        NpzWriter(file).use { assertThrows(InputError::class.java) { it.put("t", Tensor.of(arrayOf("text"))) } }
    }

    @Test
    fun `damaged archives and arrays are refused`(
        @TempDir folder: File,
    ) {
        val whole = archive.readBytes()
        val file = File(folder, "cut.npz")
        file.writeBytes(whole.copyOf(whole.size / 2))
        assertTrue("is no .npz" in assertThrows(InputError::class.java) { NpzReader(file) }.message)
        val array = Npy.write(Tensor.of(floatArrayOf(1f, 2f, 3f)))
        assertEquals(3, Npy.read(array)?.size)
        for (length in 0 until array.size - 12) assertNull(readOrNull(array.copyOf(length)), "$length bytes")
        for (place in (0..6) + 8 + 9) assertNull(readOrNull(array.copyOf().also { it[place] = 0x7f }), "byte $place")
    }

    /** Too few values are the tensor's own error. */
    private fun readOrNull(content: ByteArray): Tensor? = try {
        Npy.read(content)
    } catch (_: InputError) {
        null
    }
}
