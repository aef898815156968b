package littoral.packing

import org.objectweb.asm.AnnotationVisitor
import org.objectweb.asm.ClassReader
import org.objectweb.asm.ClassVisitor
import org.objectweb.asm.ClassWriter
import org.objectweb.asm.Opcodes
import kotlin.metadata.KmDeclarationContainer
import kotlin.metadata.jvm.KotlinClassMetadata
import kotlin.metadata.jvm.Metadata
import kotlin.metadata.visibility

internal const val METADATA = "Lkotlin/Metadata;"

/**
 * The class with what Kotlin's compiler has to know of its public part: names of parameters, defaults,
 * what may be null.
 *
 * @param original As it was compiled: shrinking drops what is not read when the class runs.
 * @param shown Names of the public classes.
 */
internal fun described(content: ByteArray, original: ClassFile, shown: Set<String>): ByteArray {
    val metadata = original.metadata?.let { public(it, shown) } ?: return content
    val writer = ClassWriter(0)
    ClassReader(content).accept(
        object : ClassVisitor(Opcodes.ASM9, writer) {
            override fun visitEnd() {
                write(metadata, visitAnnotation(METADATA, true))
                super.visitEnd()
            }
        },
        0,
    )
    return writer.toByteArray()
}

private fun public(metadata: KotlinClassMetadata, shown: Set<String>): kotlin.Metadata {
    if (metadata is KotlinClassMetadata.FileFacade) metadata.kmPackage.keepPublic()
    if (metadata is KotlinClassMetadata.Class) {
        val own = metadata.kmClass
        own.keepPublic()
        own.constructors.removeAll { !isOpen(it.visibility) }
        val name = own.name.replace('.', '$')
        own.nestedClasses.retainAll { "$name$$it" in shown }
        if (own.companionObject !in own.nestedClasses) own.companionObject = null
    }
    return metadata.write()
}

private fun KmDeclarationContainer.keepPublic() {
    functions.removeAll { !isOpen(it.visibility) }
    properties.removeAll { !isOpen(it.visibility) }
    typeAliases.removeAll { !isOpen(it.visibility) }
}

private fun write(metadata: kotlin.Metadata, annotation: AnnotationVisitor) {
    annotation.visit("k", metadata.kind)
    annotation.visit("mv", metadata.metadataVersion)
    for ((name, texts) in listOf("d1" to metadata.data1, "d2" to metadata.data2)) {
        val array = annotation.visitArray(name)
        texts.forEach { array.visit(null, it) }
        array.visitEnd()
    }
    if (metadata.extraString.isNotEmpty()) annotation.visit("xs", metadata.extraString)
    if (metadata.packageName.isNotEmpty()) annotation.visit("pn", metadata.packageName)
    annotation.visit("xi", metadata.extraInt)
    annotation.visitEnd()
}

/** Collects the annotation in which Kotlin says what class files cannot. */
internal class MetadataReader(private val done: (kotlin.Metadata) -> Unit) : AnnotationVisitor(Opcodes.ASM9) {
    private val values = HashMap<String, Any>()

    override fun visit(name: String, value: Any) {
        values[name] = value
    }

    override fun visitArray(name: String): AnnotationVisitor = object : AnnotationVisitor(Opcodes.ASM9) {
        private val texts = ArrayList<String>()

        override fun visit(unnamed: String?, value: Any) {
            texts += value as String
        }

        override fun visitEnd() {
            values[name] = texts.toTypedArray()
        }
    }

    @Suppress("UNCHECKED_CAST")
    override fun visitEnd(): Unit = done(
        Metadata(
            values["k"] as Int?,
            values["mv"] as IntArray?,
            values["d1"] as Array<String>?,
            values["d2"] as Array<String>?,
            values["xs"] as String?,
            values["pn"] as String?,
            values["xi"] as Int?,
        ),
    )
}
