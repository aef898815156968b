package littoral.packing

import org.objectweb.asm.AnnotationVisitor
import org.objectweb.asm.ClassReader
import org.objectweb.asm.ClassVisitor
import org.objectweb.asm.FieldVisitor
import org.objectweb.asm.MethodVisitor
import org.objectweb.asm.Opcodes
import kotlin.metadata.jvm.KotlinClassMetadata

/**
 * A field or method of a class file.
 *
 * @property descriptor Its type as class files write it, with an opening bracket for a method.
 * @property isSynthetic Made by the compiler, for calls that leave out arguments.
 * @property isStatic Of the class, not of its objects.
 * @property isPublic As far as the class file goes: what Kotlin calls internal is public there.
 */
internal class Member(
    val name: String,
    val descriptor: String,
    val isSynthetic: Boolean,
    val isPublic: Boolean,
    val isStatic: Boolean,
) {
    val isMethod: Boolean = descriptor.startsWith("(")

    /** As the checked-in list of the public API has it. */
    override fun toString(): String = if (isMethod) "$name$descriptor" else "$name $descriptor"
}

/** A class file, read. */
internal class ClassFile(content: ByteArray) {
    private val reader = ClassReader(content)
    val name: String = reader.className
    val parent: String = reader.superName
    val interfaces: List<String> = reader.interfaces.toList()
    val members = ArrayList<Member>()

    /** What Kotlin says of the class, null where it says nothing. */
    var metadata: KotlinClassMetadata? = null
        private set

    /** As far as the class file goes. */
    var isPublic: Boolean = isPublic(reader.access)
        private set

    init {
        reader.accept(Visitor(), ClassReader.SKIP_CODE)
    }

    private inner class Visitor : ClassVisitor(Opcodes.ASM9) {
        override fun visitAnnotation(type: String, isVisible: Boolean): AnnotationVisitor? =
            if (type == METADATA) MetadataReader { metadata = KotlinClassMetadata.readStrict(it) } else null

        override fun visitInnerClass(inner: String, outer: String?, short: String?, access: Int) {
            if (inner == name) isPublic = isPublic && short != null && isPublic(access)
        }

        override fun visitField(access: Int, name: String, type: String, generic: String?, value: Any?): FieldVisitor? {
            found(access, name, type)
            return null
        }

        override fun visitMethod(
            access: Int,
            name: String,
            type: String,
            generic: String?,
            thrown: Array<String>?,
        ): MethodVisitor? {
            found(access, name, type)
            return null
        }
    }

    private fun found(access: Int, name: String, type: String) {
        val isSynthetic = access and Opcodes.ACC_SYNTHETIC != 0
        val isForDefaults = name.endsWith("\$default") || type.endsWith(DEFAULTS)
        // Kotlin marks what is internal by a dollar in its name.
        val isOpen = if (isSynthetic) isForDefaults else '$' !in name
        members += Member(name, type, isSynthetic, isOpen && isPublic(access), access and Opcodes.ACC_STATIC != 0)
    }

    private companion object {
        const val DEFAULTS = "ILkotlin/jvm/internal/DefaultConstructorMarker;)V"

        fun isPublic(access: Int): Boolean = access and (Opcodes.ACC_PUBLIC or Opcodes.ACC_PROTECTED) != 0
    }
}
