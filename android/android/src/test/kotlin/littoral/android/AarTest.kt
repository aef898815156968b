package littoral.android

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.ByteArrayInputStream
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.zip.ZipFile
import java.util.zip.ZipInputStream

/** The AAR as an app's build gets it. */
internal class AarTest {
    private val aar = File(System.getProperty("littoral.aar"))
    private val entries = entries(aar)

    @Test
    fun `it holds what an AAR must and nothing else`() {
        val wanted = setOf(
            "AndroidManifest.xml", "classes.jar", "proguard.txt", "R.txt",
            "META-INF/com/android/build/gradle/aar-metadata.properties",
        )
        assertEquals(wanted, entries.keys)
        val metadata = String(entries.getValue(wanted.last()))
        assertTrue("aarFormatVersion=1.0" in metadata && "minCompileSdk=24" in metadata)
    }

    @Test
    fun `its classes are small, ours alone, and find both engines`() {
        val classes = inside(entries.getValue("classes.jar"))
        assertTrue(entries.getValue("classes.jar").size < BUDGET_BYTES, "${entries.getValue("classes.jar").size}")
        val foreign = classes.keys.filter { it.endsWith(".class") && !it.startsWith("littoral/") }
        assertEquals(emptyList<String>(), foreign)
        val engines = String(classes.getValue("META-INF/services/littoral.Engine")).trim().lines()
        assertEquals(setOf("littoral.litert.LiteRtEngine", "littoral.onnx.OnnxRuntimeEngine"), engines.toSet())
        val decoders = String(classes.getValue("META-INF/services/littoral.PictureDecoder")).trim()
        assertEquals("littoral.android.BitmapDecoder", decoders)
    }

    @Test
    fun `its rules name classes that there are`() {
        val rules = String(entries.getValue("proguard.txt"))
        val classes = inside(entries.getValue("classes.jar")).keys
        val named = Regex("littoral\\.[\\w.]*\\w").findAll(rules).map {
            it.value
        }.filter { '.' in it }.toSet()
        assertTrue(named.isNotEmpty())
        for (name in named) assertTrue("${name.replace('.', '/')}.class" in classes, name)
    }

    @Test
    fun `Android accepts the manifest, which asks for nothing`() {
        val apk = packed(File("src/main/aar/AndroidManifest.xml"))
        val badging = aapt("dump", "badging", apk.path)
        assertTrue("package: name='littoral.android'" in badging && "sdkVersion:'24'" in badging, badging)
        assertFalse("uses-permission" in aapt("dump", "permissions", apk.path))
    }

    @Test
    fun `Android accepts the sample's manifest, which asks for the camera alone`() {
        val apk = packed(File("../sample/src/main/AndroidManifest.xml"))
        val permissions = aapt("dump", "permissions", apk.path).lines().filter { "uses-permission" in it }
        assertEquals(listOf("uses-permission: name='android.permission.CAMERA'"), permissions)
        assertTrue("littoral.sample.CameraActivity" in aapt("dump", "badging", apk.path))
    }

    @Test
    fun `native code that apps add beside it is aligned to pages of 16 KB`() {
        assertTrue(entries.keys.none { it.endsWith(".so") })
        val added = File(System.getProperty("littoral.natives")).listFiles().orEmpty().flatMap { archive ->
            entries(archive).filterKeys { name ->
                WIDE.any { "jni/$it/" in name } && name.endsWith(".so")
            }.toList()
        }
        assertEquals(2, added.size)
        for ((name, content) in added) {
            assertTrue(alignments(content).all { it >= PAGE_BYTES }, "$name: ${alignments(content)}")
        }
    }

    /** The alignments of an ELF64 file's LOAD segments. */
    private fun alignments(content: ByteArray): List<Long> {
        val file = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN)
        val table = file.getLong(32).toInt()
        val size = file.getShort(54).toInt()
        return (0 until file.getShort(56)).map { table + it * size }
            .filter { file.getInt(it) == 1 }.map { file.getLong(it + 48) }
    }

    private fun packed(manifest: File): File {
        val apk = File.createTempFile("littoral", ".apk").apply { deleteOnExit() }
        val framework = System.getProperty("littoral.framework")
        aapt("package", "-f", "-M", manifest.path, "-I", framework, "-F", apk.path)
        return apk
    }

    private fun aapt(vararg arguments: String): String {
        val process = ProcessBuilder("aapt", *arguments).redirectErrorStream(true).start()
        val said = process.inputStream.bufferedReader().readText()
        assertEquals(0, process.waitFor(), said)
        return said
    }

    private fun entries(file: File): Map<String, ByteArray> = ZipFile(file).use { archive ->
        archive.entries().asSequence().filter { !it.isDirectory }
            .associate { it.name to archive.getInputStream(it).readBytes() }
    }

    private fun inside(jar: ByteArray): Map<String, ByteArray> = ZipInputStream(ByteArrayInputStream(jar)).use { all ->
        generateSequence { all.nextEntry }.filter { !it.isDirectory }.associate { it.name to all.readBytes() }
    }

    private companion object {
        /** Before R8, with line numbers and Kotlin's metadata; an app ships what it calls of it. */
        const val BUDGET_BYTES = 400_000
        const val PAGE_BYTES = 0x4000L
        val WIDE = listOf("arm64-v8a", "x86_64")
    }
}
