package littoral.packing

import org.objectweb.asm.ClassReader
import org.objectweb.asm.ClassVisitor
import org.objectweb.asm.ClassWriter
import org.objectweb.asm.Handle
import org.objectweb.asm.MethodVisitor
import org.objectweb.asm.Opcodes

/**
 * Where a method's code goes.
 *
 * @property isWhole Nobody names the method where it was; otherwise a call is left there.
 */
internal class Target(val owner: String, val name: String, val type: String, val isWhole: Boolean)

/**
 * Moves the code of many classes into few: one for each package that apps may lack parts of.
 *
 * Every class file says anew what it refers to: names, types, descriptors. In many small classes that is
 * more than half of their size, and a jar packs each for itself; in one class it is said once. A method
 * that nobody else names moves as a whole and is static there; any other leaves a call behind, constructors
 * and initializers too, so classes are initialized when they were before.
 */
internal class Gathering(private val classes: Map<String, ByteArray>, api: List<PublicClass>) {
    private val fixed = api.flatMap { shown -> shown.members.map { "${shown.name}.$it" } }.toSet() +
        classes.filterKeys { it.startsWith(ANDROID) }.flatMap { (name, content) ->
            ClassFile(content).members.map { "$name.$it" }
        }
    private val parents = classes.values.map { ClassReader(it).superName }.toSet()
    private val targets = HashMap<String, Target>()
    private val opened = HashSet<String>()
    private val shown = api.map { it.name }.toSet()

    /** The classes by name, those with the moved methods among them. */
    fun gathered(): Map<String, ByteArray> {
        classes.keys.filter { gathererOf(it) != null }.sorted().forEach(::choose)
        classes.forEach { (name, content) -> ClassReader(content).accept(References(name), ClassReader.SKIP_DEBUG) }
        val hollow = classes.filter { (name, content) -> isHollow(name, ClassFile(content)) }.keys
        val gatherers = targets.values.map { it.owner }.toSortedSet().associateWith { name ->
            ClassWriter(0).apply { visit(Opcodes.V11, GATHERER, name, null, OBJECT, null) }
        }
        val left = classes.toSortedMap().mapValues { (name, content) ->
            val writer = ClassWriter(0)
            val rewriting = Rewriting(name, gathererOf(name), writer, shown, fixed, targets, opened, gatherers, hollow)
            ClassReader(content).accept(rewriting, ClassReader.SKIP_DEBUG)
            writer.takeIf { !rewriting.isEmpty }?.toByteArray()
        }
        val made = gatherers.mapValues { (_, writer) -> writer.apply { visitEnd() }.toByteArray() }
        return left.mapNotNull { (name, content) -> content?.let { name to it } }.toMap() + made
    }

    /** Kotlin's objects and companions of which nothing is left: all they can do is elsewhere. */
    private fun isHollow(name: String, file: ClassFile): Boolean {
        val methods = file.members.filter { it.isMethod && !it.name.startsWith("<") }
        return isSingle(name, file) && methods.all { targets["$name.$it"]?.isWhole == true }
    }

    private fun isSingle(name: String, file: ClassFile): Boolean =
        (name.endsWith("\$Companion") || file.members.any { "$it" == "INSTANCE L$name;" }) &&
            name !in shown && file.interfaces.isEmpty() && file.parent == OBJECT &&
            file.members.none { !it.isMethod && !it.isStatic }

    private fun choose(name: String) {
        val reader = ClassReader(classes.getValue(name))
        if (reader.access and (Opcodes.ACC_INTERFACE or Opcodes.ACC_ENUM) != 0) return
        val hasOurParent = reader.superName == OBJECT || reader.superName in classes
        val inherited = (reader.interfaces.toList() + reader.superName).flatMap(::methodsOf).toSet()
        val methods = Methods(reader.superName).also { reader.accept(it, ClassReader.SKIP_DEBUG) }
        for (method in methods.found.filter { !it.isBound }) {
            val isNamed = "$name.${method.name}${method.type}" in fixed || method.name.startsWith("<")
            val isAlone = method.isStatic || method.isPrivate || (name !in parents && method.name !in inherited)
            val isWhole = isAlone && !isNamed
            if (!isWhole && (method.size < WORTH_MOVING || !hasOurParent)) continue
            if (method.name == "<clinit>" && name in shown) continue // others may see that its fields are final
            // The receiver of a singleton may be nobody in the end.
            val receiver = if (isSingle(name, ClassFile(classes.getValue(name)))) OBJECT else name
            val type = if (method.isStatic) method.type else "(L$receiver;${method.type.drop(1)}"
            val owner = checkNotNull(gathererOf(name))
            val plain = method.name.trim('<', '>')
            val isTaken = targets.values.any { it.owner == owner && it.name == plain && it.type == type }
            val moved = if (isTaken) "$plain$${targets.size}" else plain
            targets["$name.${method.name}${method.type}"] = Target(owner, moved, type, isWhole)
        }
    }

    /** The class that the methods of a class go to, null for one that stays as it is. */
    private fun gathererOf(name: String): String? {
        val text = String(classes.getValue(name), Charsets.ISO_8859_1)
        val needsAndroid = name.startsWith(ANDROID) && ANDROIDS_OWN.containsMatchIn(text)
        val area = AREAS.firstOrNull { name.startsWith(it) } ?: "littoral/"
        return if (name in APART || needsAndroid) null else "${area}Internals"
    }

    /** Names of the methods that a class has, or has from others. */
    private fun methodsOf(name: String): Set<String> {
        val ours = classes[name]?.let { ClassFile(it) }
        if (ours != null) {
            return (ours.interfaces + ours.parent).flatMap(::methodsOf).toSet() + ours.members.map { it.name }
        }
        val type = Class.forName(name.replace('/', '.'), false, javaClass.classLoader)
        val all = generateSequence(type) { it.superclass }.flatMap { it.declaredMethods.toList() + it.methods }
        return all.map { it.name }.toSet()
    }

    /** A method with code. */
    private class Method(access: Int, val name: String, val type: String) {
        val isStatic = access and Opcodes.ACC_STATIC != 0
        val isPrivate = access and Opcodes.ACC_PRIVATE != 0

        /** Instructions that refer to something by name. */
        var size = 0

        /** It calls what its class overrides, which can be done nowhere else. */
        var isBound = false
    }

    private class Methods(private val parent: String) : ClassVisitor(Opcodes.ASM9) {
        val found = ArrayList<Method>()

        override fun visitMethod(
            access: Int,
            name: String,
            type: String,
            generic: String?,
            thrown: Array<String>?,
        ): MethodVisitor? {
            val hasCode = access and (Opcodes.ACC_NATIVE or Opcodes.ACC_ABSTRACT or Opcodes.ACC_SYNCHRONIZED) == 0
            if (!hasCode) return null
            val method = Method(access, name, type).also { found += it }
            return object : MethodVisitor(Opcodes.ASM9) {
                /** A constructor must begin with Object's to be moved, not with another of its class. */
                private var isBegun = name != "<init>"

                override fun visitMethodInsn(
                    code: Int,
                    owner: String,
                    called: String,
                    type: String,
                    isInterface: Boolean,
                ) {
                    method.size++
                    val isInherited = code == Opcodes.INVOKESPECIAL && owner == parent && called != "<init>"
                    method.isBound = method.isBound || isInherited || (!isBegun && owner != OBJECT)
                    isBegun = true
                }

                override fun visitFieldInsn(code: Int, owner: String, field: String, type: String) {
                    if (name != "<init>") method.size++
                    method.isBound = method.isBound || !isBegun
                }

                override fun visitInvokeDynamicInsn(name: String, type: String, by: Handle, vararg arguments: Any) {
                    method.size++
                }
            }
        }
    }

    /** Notes what the moved methods refer to: it may no longer be private. */
    private inner class References(private val owner: String) : ClassVisitor(Opcodes.ASM9) {
        override fun visitMethod(
            access: Int,
            name: String,
            type: String,
            generic: String?,
            thrown: Array<String>?,
        ): MethodVisitor? {
            if ("$owner.$name$type" !in targets) return null
            return object : MethodVisitor(Opcodes.ASM9) {
                override fun visitFieldInsn(code: Int, owner: String, field: String, type: String) {
                    opened += "$owner.$field $type"
                }

                override fun visitMethodInsn(code: Int, owner: String, called: String, type: String, i: Boolean) {
                    opened += "$owner.$called$type"
                }

                override fun visitInvokeDynamicInsn(name: String, type: String, by: Handle, vararg arguments: Any) {
                    arguments.filterIsInstance<Handle>().forEach { opened += "${it.owner}.${it.name}${it.desc}" }
                }
            }
        }
    }

    private companion object {
        const val ANDROID = "littoral/android/"
        const val OBJECT = "java/lang/Object"

        /** What needs an engine stays apart: an app may lack it. So does what needs Android, for a JVM. */
        val AREAS = listOf("littoral/litert/", "littoral/onnx/")
        val ANDROIDS_OWN = Regex("(?<!littoral/)android/")

        /** Called before it is known whether their library is there. */
        val APART = listOf("littoral/litert/LiteRtEngine", "littoral/onnx/OnnxRuntimeEngine")
        const val WORTH_MOVING = 2
        const val GATHERER = Opcodes.ACC_PUBLIC or Opcodes.ACC_FINAL or Opcodes.ACC_SUPER or Opcodes.ACC_SYNTHETIC
    }
}
