package littoral.android

import org.jetbrains.kotlin.cli.common.ExitCode
import org.jetbrains.kotlin.cli.jvm.K2JVMCompiler
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import java.io.ByteArrayOutputStream
import java.io.File
import java.io.PrintStream
import java.util.zip.ZipFile

/** What an app's developer writes compiles against the AAR alone. */
internal class ConsumerTest {
    @Test
    fun `an app compiles against the AAR`(
        @TempDir folder: File,
    ) {
        val classes = File(folder, "classes.jar")
        ZipFile(System.getProperty("littoral.aar")).use { aar ->
            aar.getInputStream(aar.getEntry("classes.jar")).use { from ->
                classes.outputStream().use { from.copyTo(it) }
            }
        }
        val others = listOf("kotlin-stdlib", "android-all").map(::onClassPath)
        val said = ByteArrayOutputStream()
        val code = K2JVMCompiler().exec(
            PrintStream(said),
            "-no-stdlib", "-no-reflect", "-d", File(folder, "out").path,
            "-classpath", (listOf(classes) + others).joinToString(File.pathSeparator),
            File("src/test/consumer/App.kt").path,
        )
        assertEquals(ExitCode.OK, code, said.toString())
    }

    private fun onClassPath(name: String): File {
        val path = System.getProperty("surefire.test.class.path") ?: System.getProperty("java.class.path")
        return path.split(File.pathSeparator).map(::File).first {
            it.name.startsWith("$name-") &&
                it.extension == "jar"
        }
    }
}
