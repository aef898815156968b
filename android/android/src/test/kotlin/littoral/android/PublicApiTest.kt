package littoral.android

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import org.objectweb.asm.ClassReader
import org.objectweb.asm.ClassVisitor
import org.objectweb.asm.FieldVisitor
import org.objectweb.asm.MethodVisitor
import org.objectweb.asm.Opcodes
import java.io.ByteArrayInputStream
import java.io.File
import java.util.zip.ZipFile
import java.util.zip.ZipInputStream
import kotlin.metadata.Visibility
import kotlin.metadata.jvm.KotlinClassMetadata
import kotlin.metadata.jvm.signature
import kotlin.metadata.visibility

/**
 * The public API is checked in, so that a change shows in the diff. After a change on purpose:
 * `mvn verify -Dlittoral.api.write=true`.
 */
internal class PublicApiTest {
    @Test
    fun `the public API is the one that is checked in`() {
        val file = File("../api/littoral.api")
        val found = dump()
        if (System.getProperty("littoral.api.write") == "true") file.writeText(found)
        assertEquals(file.readText(), found)
    }

    private fun dump(): String {
        val jar = ZipFile(System.getProperty("littoral.aar")).use { aar ->
            aar.getInputStream(aar.getEntry("classes.jar")).readBytes()
        }
        val classes = ZipInputStream(ByteArrayInputStream(jar)).use { all ->
            generateSequence { all.nextEntry }.filter { it.name.endsWith(".class") }
                .map { ClassReader(all.readBytes()) }.toList()
        }
        return classes.sortedBy { it.className }.mapNotNull(::described).joinToString("\n", postfix = "\n")
    }

    private fun described(reader: ClassReader): String? {
        val lines = ArrayList<String>()
        var isShown = isPublic(reader.access)
        reader.accept(
            object : ClassVisitor(Opcodes.ASM9) {
                override fun visitInnerClass(name: String, outer: String?, inner: String?, access: Int) {
                    if (name == reader.className) isShown = isShown && inner != null && isPublic(access)
                }

                override fun visitField(access: Int, name: String, type: String, g: String?, v: Any?): FieldVisitor? {
                    if (isPublic(access)) lines += "    $name $type"
                    return null
                }

                override fun visitMethod(
                    access: Int,
                    name: String,
                    type: String,
                    g: String?,
                    e: Array<String>?,
                ): MethodVisitor? {
                    // Kotlin marks what is internal by a dollar in its name.
                    if (isPublic(access) && '$' !in name) lines += "    $name$type"
                    return null
                }
            },
            ClassReader.SKIP_CODE,
        )
        val names = generateSequence(reader.className) { it.substringBeforeLast('$', "").ifEmpty { null } }
        if (!isShown || names.any { isInternal(metadata(it)) }) return null
        val public = functions(metadata(reader.className))
        val shown = lines.filter { public == null || it.trim() in public }.sorted()
        if (shown.isEmpty()) return null
        return "${reader.className} : ${reader.superName}\n${shown.joinToString("\n")}\n"
    }

    /** What Kotlin says of a class beside the class file, which calls public what is internal. */
    private fun metadata(name: String): KotlinClassMetadata? = try {
        Class.forName(name.replace('/', '.'), false, javaClass.classLoader)
            .getAnnotation(Metadata::class.java)?.let(KotlinClassMetadata::readLenient)
    } catch (_: LinkageError) {
        null // an activity: android.jar is of a younger Java than the one that runs this
    }

    private fun isInternal(metadata: KotlinClassMetadata?): Boolean =
        metadata is KotlinClassMetadata.Class && metadata.kmClass.visibility != Visibility.PUBLIC

    /** The public ones of a file's own functions, null for a class. */
    private fun functions(metadata: KotlinClassMetadata?): Set<String>? {
        val file = (metadata as? KotlinClassMetadata.FileFacade)?.kmPackage ?: return null
        return file.functions.filter { it.visibility == Visibility.PUBLIC }.map { it.signature.toString() }.toSet()
    }

    private fun isPublic(access: Int): Boolean =
        access and (Opcodes.ACC_PUBLIC or Opcodes.ACC_PROTECTED) != 0 && access and Opcodes.ACC_SYNTHETIC == 0
}
