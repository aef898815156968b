package littoral.packing

import org.objectweb.asm.Type
import kotlin.metadata.KmDeclarationContainer
import kotlin.metadata.Visibility
import kotlin.metadata.jvm.KotlinClassMetadata
import kotlin.metadata.jvm.fieldSignature
import kotlin.metadata.jvm.getterSignature
import kotlin.metadata.jvm.setterSignature
import kotlin.metadata.jvm.signature
import kotlin.metadata.visibility

/** A class that others may use, by its name as class files write it, with what they may use of it. */
internal class PublicClass(val name: String, val parent: String, val members: List<Member>) {
    /** As the checked-in list of the public API has it. */
    override fun toString(): String =
        "$name : $parent\n" + members.filter { !it.isSynthetic }.map { "    $it\n" }.sorted().joinToString("")

    /** As ProGuard is told to keep it. */
    fun rule(): String =
        "-keep class ${name.replace('/', '.')} {\n" + members.joinToString("") { "  ${rule(it)}\n" } + "}\n"

    private fun rule(member: Member): String {
        if (!member.isMethod) return "${Type.getType(member.descriptor).className} ${member.name};"
        val type = Type.getMethodType(member.descriptor)
        val arguments = type.argumentTypes.joinToString { it.className }
        val result = if (member.name == "<init>") "" else "${type.returnType.className} "
        return "$result${member.name}($arguments);"
    }
}

/** What others may use of some classes: Kotlin's word counts, class files call public what is internal. */
internal fun publicApi(classes: Map<String, ClassFile>): List<PublicClass> =
    classes.values.filter { isShown(it, classes) }.mapNotNull { file ->
        val companion = companionOf(file, classes)
        val hidden = hiddenOf(file) + companion?.let(::hiddenOf).orEmpty() +
            companion?.takeIf { !isShown(it, classes) }?.let { "Companion L${it.name};" }.orEmpty()
        val open = file.members.filter { it.isPublic && "$it" !in hidden }
        val (made, written) = open.partition { it.isSynthetic }
        val members = written + made.filter { isForDefaultsOf(it, written) }
        val isNamed = file.metadata is KotlinClassMetadata.Class || members.isNotEmpty()
        if (isNamed) PublicClass(file.name, file.parent, members) else null
    }.sortedBy { it.name }

internal fun isOpen(visibility: Visibility): Boolean =
    visibility == Visibility.PUBLIC || visibility == Visibility.PROTECTED

private fun isShown(file: ClassFile, all: Map<String, ClassFile>): Boolean {
    val around = generateSequence(file.name) { it.substringBeforeLast('$', "").ifEmpty { null } }
    return file.isPublic && around.all { name -> all[name]?.metadata.let { it == null || isOpen(it) } }
}

private fun isOpen(metadata: KotlinClassMetadata): Boolean = when (metadata) {
    is KotlinClassMetadata.Class -> isOpen(metadata.kmClass.visibility)
    else -> metadata is KotlinClassMetadata.FileFacade
}

/** Whether Kotlin made this method for calls that leave out arguments of one of these. */
private fun isForDefaultsOf(made: Member, written: List<Member>): Boolean = written.any {
    val isConstructor = made.name == "<init>" && made.descriptor.startsWith(it.descriptor.removeSuffix(")V"))
    it.isMethod && (made.name == "${it.name}\$default" || (isConstructor && it.name == made.name))
}

private fun companionOf(file: ClassFile, all: Map<String, ClassFile>): ClassFile? =
    (file.metadata as? KotlinClassMetadata.Class)?.kmClass?.companionObject?.let { all["${file.name}$$it"] }

/** The members, as the list writes them, that Kotlin does not let others use. */
private fun hiddenOf(file: ClassFile): Set<String> = when (val metadata = file.metadata) {
    is KotlinClassMetadata.Class -> {
        val own = metadata.kmClass
        val closed = own.constructors.filter { !isOpen(it.visibility) }.map { "${it.signature}" }
        closed.toSet() + hidden(own, !isOpen(own.visibility))
    }
    is KotlinClassMetadata.FileFacade -> hidden(metadata.kmPackage, false)
    else -> emptySet()
}

private fun hidden(own: KmDeclarationContainer, areAll: Boolean): Set<String> {
    fun isHidden(visibility: Visibility?) = visibility != null && (areAll || !isOpen(visibility))
    val functions = own.functions.filter { isHidden(it.visibility) }.map { "${it.signature}" }
    return functions.toSet() + own.properties.flatMap { property ->
        val field = property.fieldSignature?.let { "${it.name} ${it.descriptor}" }
        listOfNotNull(
            property.getterSignature?.takeIf { isHidden(property.getter.visibility) }?.toString(),
            property.setterSignature?.takeIf { isHidden(property.setter?.visibility) }?.toString(),
            field?.takeIf { isHidden(property.visibility) },
        )
    }
}
