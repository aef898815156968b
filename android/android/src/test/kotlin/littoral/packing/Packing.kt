package littoral.packing

import java.io.File
import java.util.zip.CRC32
import java.util.zip.Deflater
import java.util.zip.ZipEntry
import java.util.zip.ZipFile
import java.util.zip.ZipOutputStream

internal const val CLASS = ".class"

/**
 * Makes a small jar of compiled classes, in two steps with ProGuard in between.
 *
 * `gather WHOLE GATHERED RULES` moves the code that nobody outside names into few classes, and writes the
 * rules by which ProGuard keeps the public API; `describe WHOLE SHRUNK PACKED` puts back what Kotlin's
 * compiler has to know of that.
 */
internal fun main(arguments: Array<String>) {
    val (step, whole, from, to) = arguments.toList()
    val contents = classesOf(File(whole))
    val classes = contents.mapValues { ClassFile(it.value) }
    val api = publicApi(classes)
    if (step == "gather") {
        val gathered = Gathering(contents, api).gathered()
        write(File(from), othersOf(File(whole)) + gathered.mapKeys { "${it.key}$CLASS" })
        File(to).writeText(api.joinToString("") { it.rule() })
    } else {
        val shown = api.map { it.name }.toSet()
        val described = classesOf(File(from)).mapValues { (name, content) ->
            if (name in shown) described(content, classes.getValue(name), shown) else content
        }
        write(File(to), othersOf(File(from)) + described.mapKeys { "${it.key}$CLASS" })
    }
}

/** The files of an archive. */
internal fun entriesOf(archive: File): Map<String, ByteArray> = ZipFile(archive).use { zip ->
    zip.entries().asSequence().filter { !it.isDirectory }
        .associate { it.name to zip.getInputStream(it).readBytes() }
}

/** The class files of a jar, by the classes' names. */
internal fun classesOf(jar: File): Map<String, ByteArray> =
    entriesOf(jar).filterKeys { it.endsWith(CLASS) }.mapKeys { it.key.removeSuffix(CLASS) }

private fun othersOf(jar: File): Map<String, ByteArray> =
    entriesOf(jar).filterKeys { !it.endsWith(CLASS) && it != "META-INF/MANIFEST.MF" }

/** Without times and sizes behind the entries, so the same classes make the same few bytes. */
private fun write(jar: File, entries: Map<String, ByteArray>) {
    ZipOutputStream(jar.outputStream()).use { zip ->
        zip.setLevel(Deflater.BEST_COMPRESSION)
        for ((name, content) in entries.toSortedMap()) {
            val entry = ZipEntry(name)
            entry.time = 0
            entry.size = content.size.toLong()
            entry.crc = CRC32().apply { update(content) }.value
            entry.compressedSize = packedSize(content)
            zip.putNextEntry(entry)
            zip.write(content)
        }
    }
}

private fun packedSize(content: ByteArray): Long {
    val deflater = Deflater(Deflater.BEST_COMPRESSION, true)
    deflater.setInput(content)
    deflater.finish()
    val buffer = ByteArray(content.size + 64)
    while (!deflater.finished()) deflater.deflate(buffer)
    return deflater.bytesWritten.also { deflater.end() }
}
