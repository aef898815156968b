package littoral.android

import com.android.dx.cf.direct.DirectClassFile
import com.android.dx.cf.direct.StdAttributeFactory
import com.android.dx.command.dexer.DxContext
import com.android.dx.dex.DexOptions
import com.android.dx.dex.cf.CfOptions
import com.android.dx.dex.cf.CfTranslator
import com.android.dx.dex.file.DexFile
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.ByteArrayInputStream
import java.io.ByteArrayOutputStream
import java.io.DataInputStream
import java.io.File
import java.lang.reflect.InvocationTargetException
import java.net.URLClassLoader
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.zip.DeflaterOutputStream
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
    fun `its classes have less than 200 KB, as they come and as an app ships them`() {
        val classes = entries.getValue("classes.jar")
        val dex = dexed(inside(classes).filterKeys { it.endsWith(".class") })
        val shipped = ByteArrayOutputStream().also { out -> DeflaterOutputStream(out).use { it.write(dex) } }.size()
        val sizes = "classes.jar ${classes.size} bytes, as dex ${dex.size}, compressed $shipped"
        assertTrue(maxOf(shipped, classes.size) < MOST_BYTES, sizes)
    }

    @Test
    fun `its classes are ours alone, and find both engines`() {
        val classes = inside(entries.getValue("classes.jar"))
        val foreign = classes.keys.filter { it.endsWith(".class") && !it.startsWith("littoral/") }
        assertEquals(emptyList<String>(), foreign)
        val engines = String(classes.getValue("META-INF/services/littoral.Engine")).trim().lines()
        assertEquals(setOf("littoral.litert.LiteRtEngine", "littoral.onnx.OnnxRuntimeEngine"), engines.toSet())
        val decoders = String(classes.getValue("META-INF/services/littoral.PictureDecoder")).trim()
        assertEquals("littoral.android.BitmapDecoder", decoders)
    }

    @Test
    fun `they refer to no class of ours that is not there`() {
        val classes = inside(entries.getValue("classes.jar")).filterKeys { it.endsWith(".class") }
        val known = classes.keys.map { it.removeSuffix(".class") }.toSet()
        val named = classes.values.flatMap(::texts).flatMap { text ->
            val types = Regex("L(littoral/[\\w/$]+);").findAll(text).map { it.groupValues[1] }.toList()
            types + listOf(text).filter { it.matches(Regex("littoral/[\\w/$]+")) }
        }
        assertTrue(named.size > known.size)
        assertEquals(emptySet<String>(), named.toSet() - known)
    }

    /** Every text that a class file holds: the names of what it refers to among them. */
    private fun texts(content: ByteArray): List<String> {
        val found = ArrayList<String>()
        val input = DataInputStream(content.inputStream())
        input.skipBytes(8)
        var left = input.readUnsignedShort() - 1
        while (left > 0) {
            val tag = input.readUnsignedByte()
            if (tag == 1) found += input.readUTF() else input.skipBytes(CONSTANT_BYTES[tag])
            left -= if (tag == LONG || tag == DOUBLE) 2 else 1
        }
        return found
    }

    @Test
    fun `without an engine in the app they say which to add`() {
        val wanted = mapOf(
            "tflite" to "a .tflite file needs an engine: add implementation(",
            "onnx" to "an .onnx file needs an engine: add implementation(",
        )
        val others = System.getProperty("java.class.path").split(File.pathSeparator).map(::File)
        val urls = others.filter {
            it.name == "classes.jar" || it.name.startsWith("kotlin-stdlib-")
        }.map { it.toURI().toURL() }
        URLClassLoader(urls.toTypedArray(), ClassLoader.getPlatformClassLoader()).use { loader ->
            val littoral = loader.loadClass("littoral.Littoral")
            val options = loader.loadClass("littoral.LoadOptions").getConstructor().newInstance()
            for ((format, start) in wanted) {
                val file = File(System.getProperty("littoral.golden"), "one.$format")
                val load = littoral.getMethod("load", File::class.java, options.javaClass)
                val error = assertThrows(InvocationTargetException::class.java) {
                    load.invoke(littoral.getField("INSTANCE").get(null), file, options)
                }.targetException
                assertEquals("littoral.EngineNotInstalled", error.javaClass.name, "$error")
                assertTrue(start in error.message.orEmpty(), error.message)
            }
        }
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

    /** The classes in Android's form, without the names of locals, as a release has it; R8 has not run. */
    private fun dexed(classes: Map<String, ByteArray>): ByteArray {
        val context = DxContext()
        val options = DexOptions().apply { minSdkVersion = 28 }
        val release = CfOptions().apply {
            localInfo = false
            optimize = true
        }
        val dex = DexFile(options)
        for ((name, content) in classes) {
            content[CLASS_FILE_VERSION] = 52 // what dx reads; Kotlin uses nothing younger that it lacks
            val parsed = DirectClassFile(content, name, false)
            parsed.setAttributeFactory(StdAttributeFactory.THE_ONE)
            dex.add(CfTranslator.translate(context, parsed, content, release, options, dex))
        }
        return dex.toDex(null, false)
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
        /** How long a class file's constants are, by their kind; 1 is a text. */
        val CONSTANT_BYTES = intArrayOf(0, 0, 0, 4, 4, 8, 8, 2, 2, 4, 4, 4, 4, 0, 0, 3, 2, 4, 4, 2, 2)
        const val LONG = 5
        const val DOUBLE = 6
        const val MOST_BYTES = 200_000
        const val CLASS_FILE_VERSION = 7
        const val PAGE_BYTES = 0x4000L
        val WIDE = listOf("arm64-v8a", "x86_64")
    }
}
