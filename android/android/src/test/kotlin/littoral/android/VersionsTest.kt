package littoral.android

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.File

/** One version everywhere: in the poms, the catalog for Gradle, the messages, and Python's pin. */
internal class VersionsTest {
    private val pom = File("../pom.xml").readText()
    private val catalog = File("../gradle/libs.versions.toml").readText()

    @Test
    fun `Gradle's catalog has the versions of the poms`() {
        for (name in listOf("kotlin", "jna", "litert", "onnxruntime")) {
            val own = Regex("<$name.version>(.*?)</").find(pom)!!.groupValues[1]
            val repeated = Regex("(?m)^$name = \"(.*?)\"").find(catalog)?.groupValues?.get(1)
            assertEquals(own, repeated, name)
        }
    }

    @Test
    fun `the messages name the same versions`() {
        val engines = java.util.ServiceLoader.load(littoral.Engine::class.java).associateBy { it.name }

        fun version(name: String) = Regex("<$name.version>(.*?)</").find(pom)!!.groupValues[1]
        assertTrue(engines.getValue("litert").dependency.endsWith(":" + version("litert")))
        assertTrue(engines.getValue("onnxruntime").dependency.endsWith(":" + version("onnxruntime")))
        val repository = File(System.getProperty("littoral.repository"))
        val pinned = File(repository, ".ci/constraints.txt").readLines()
        assertTrue("ai-edge-litert==${version("litert")}" in pinned)
        val jna = File("../litert/src/main/kotlin/littoral/litert/LiteRtEngine.kt").readText()
        assertTrue("\"${version("jna")}\"" in jna)
    }
}
