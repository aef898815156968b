package littoral.litert

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

/** What an app's developer reads when LiteRT is missing or another one than the pinned. */
internal class AnotherVersionTest {
    @Test
    fun `a library that is not the pinned one is refused before it is called`() {
        assertTrue("installed in another version than 2.3.0 (it has no LiteRt" in refusal("libm.so.6"))
    }

    @Test
    fun `a library that is missing is named with the dependency that brings it`() {
        val said = refusal("/nowhere/libLiteRt.so")
        assertTrue("a .tflite file needs an engine: add implementation(\"com.google.ai.edge" in said)
    }

    /** What a process of its own says, since a process binds to one library for good. */
    private fun refusal(library: String): String {
        val java = System.getProperty("java.home") + "/bin/java"
        val paths = System.getProperty("surefire.test.class.path") ?: System.getProperty("java.class.path")
        val main = "littoral.litert.AnotherVersionTestKt"
        val process = ProcessBuilder(java, "-D${LiteRtLibrary.PROPERTY}=$library", "-cp", paths, main)
            .redirectErrorStream(true).start()
        val said = process.inputStream.bufferedReader().readText()
        assertEquals(0, process.waitFor(), said)
        return said
    }
}

internal fun main() {
    println(runCatching { LiteRtLibrary.load() }.exceptionOrNull()?.message)
}
