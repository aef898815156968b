package littoral.android

import littoral.packing.ClassFile
import littoral.packing.classesOf
import littoral.packing.publicApi
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import java.io.File
import java.util.zip.ZipFile

/**
 * The public API is checked in, so that a change shows in the diff. After a change on purpose:
 * `mvn verify -Dlittoral.api.write=true`.
 */
internal class PublicApiTest {
    private val file = File("../api/littoral.api")

    @Test
    fun `the public API is the one that is checked in`() {
        val found = dump(File(System.getProperty("littoral.compiled")))
        if (System.getProperty("littoral.api.write") == "true") file.writeText(found)
        assertEquals(file.readText(), found)
    }

    @Test
    fun `what was made small for the AAR has the same API`() {
        val classes = File.createTempFile("classes", ".jar").apply { deleteOnExit() }
        ZipFile(System.getProperty("littoral.aar")).use { aar ->
            classes.outputStream().use { aar.getInputStream(aar.getEntry("classes.jar")).copyTo(it) }
        }
        val found = dump(classes).split("\n\n").associateBy { it.lines()[0] }
        for (wanted in file.readText().trim().split("\n\n")) {
            val lines = found[wanted.lines()[0]].orEmpty().lines()
            assertEquals(emptyList<String>(), wanted.lines() - lines.toSet(), wanted.lines()[0])
        }
    }

    /** Of the classes that Kotlin knows: internals have other names in the AAR, and no description. */
    private fun dump(jar: File): String {
        val classes = classesOf(jar).mapValues { ClassFile(it.value) }
        return publicApi(classes.filterValues { it.metadata != null }).joinToString("\n")
    }
}
