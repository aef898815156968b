package littoral

import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** LiteRT in the suite of anybody's files. */
internal class LiteRtFilesTest : AnybodysFilesContract("tflite") {
    @Test
    fun `a signature that shows less than its graph is one that the library does not take`() {
        val error = assertThrows(FormatError::class.java) { Littoral.load(Golden.file("less.tflite")) }
        assertTrue("takes no signature that shows less than its graph" in error.message, error.message)
    }
}
