package littoral.android

import littoral.DType
import littoral.FormatError
import littoral.InputError
import littoral.LoadOptions
import littoral.Tensor
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.File
import java.io.FileNotFoundException
import java.io.IOException
import java.io.InputStream

/** Assets and bitmaps that cannot be used; Android's own classes are played by what they would throw. */
internal class BadInputTest {
    private val content = File(System.getProperty("littoral.golden"), "one.onnx").readBytes()

    private fun refused(open: () -> InputStream) =
        assertThrows(InputError::class.java) { asset("models/one.onnx", LoadOptions(), open) }.message

    @Test
    fun `an asset that is not there, or breaks off while it is read`() {
        assertEquals("asset models/one.onnx: no such file", refused { throw FileNotFoundException("models/one.onnx") })
        assertEquals("asset models/one.onnx cannot be read: worn out", refused { throw IOException("worn out") })
        val breaking = object : InputStream() {
            override fun read(): Int = throw IOException("worn out")
        }
        assertTrue("worn out" in refused { breaking })
    }

    @Test
    fun `an asset is closed, and one that is cut off or too large is refused`() {
        var isClosed = false
        val stream = object : InputStream() {
            private val all = content.inputStream()

            override fun read(): Int = all.read()

            override fun close() {
                isClosed = true
            }
        }
        val x = floatArrayOf(1f, 2f, 3f)
        asset("one.onnx", LoadOptions()) { stream }.use { assertEquals(6f, it.run(x)[2]) }
        assertTrue(isClosed)
        assertThrows(FormatError::class.java) {
            asset("one.onnx", LoadOptions()) { content.copyOf(content.size / 2).inputStream() }
        }
        val endless = object : InputStream() {
            override fun read(): Int = 8
        }
        val error = assertThrows(FormatError::class.java) {
            asset("one.onnx", LoadOptions(maxBytes = 1_000_000)) { endless }
        }
        assertEquals("one.onnx has more than 1000000 bytes: raise maxBytes if that is right", error.message)
    }

    @Test
    fun `bitmaps that are recycled, in graphics memory, or too large`() {
        fun refused(isRecycled: Boolean, size: Int, read: (IntArray) -> Unit) =
            assertThrows(InputError::class.java) { picture(isRecycled, size, size, { "HARDWARE" }, read) }.message
        assertTrue("recycled" in refused(true, 2) {})
        val hidden = refused(false, 2) { error("unable to getPixels(), pixel access is not supported") }
        assertTrue("the bitmap's config is HARDWARE" in hidden && "copy(Bitmap.Config.ARGB_8888, false)" in hidden)
        assertTrue("30000 x 30000 pixels does not fit into memory" in refused(false, 30_000) {})
        val red = picture(false, 1, 1, { null }) { it[0] = 0xff shl 16 }
        assertEquals(Tensor.of(DType.UINT8, byteArrayOf(-1, 0, 0), 1, 1, 3), red)
    }
}
