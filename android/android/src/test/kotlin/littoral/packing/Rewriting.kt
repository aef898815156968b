package littoral.packing

import org.objectweb.asm.AnnotationVisitor
import org.objectweb.asm.ClassVisitor
import org.objectweb.asm.ClassWriter
import org.objectweb.asm.FieldVisitor
import org.objectweb.asm.Handle
import org.objectweb.asm.MethodVisitor
import org.objectweb.asm.Opcodes
import org.objectweb.asm.Type

/**
 * Writes a class without the methods that move, and these where they go; see [Gathering].
 *
 * @param gatherer Where the class's own methods go, null where they stay.
 * @param shown The public classes.
 * @param fixed Members of the public API, as `owner.member`.
 * @param targets Where methods go, by `owner.name` and descriptor.
 * @param opened Members that moved methods refer to.
 * @param gatherers The classes that they go to.
 * @param hollow Singletons of which nothing is left; where one was handed on, null is.
 */
internal class Rewriting(
    private val owner: String,
    private val gatherer: String?,
    writer: ClassWriter,
    private val shown: Set<String>,
    private val fixed: Set<String>,
    private val targets: Map<String, Target>,
    private val opened: Set<String>,
    private val gatherers: Map<String, ClassWriter>,
    private val hollow: Set<String>,
) : ClassVisitor(Opcodes.ASM9, writer) {
    /** Nothing is left that anybody could refer to. */
    var isEmpty: Boolean = true
        private set

    override fun visit(
        version: Int,
        access: Int,
        name: String,
        generic: String?,
        parent: String,
        interfaces: Array<String>?,
    ) {
        isEmpty = fixed.none { it.startsWith("$owner.") } && interfaces.isNullOrEmpty()
        val reached = if (gatherer == null) access else access or Opcodes.ACC_PUBLIC
        super.visit(version, reached, name, generic, parent, interfaces)
    }

    override fun visitAnnotation(type: String, isVisible: Boolean): AnnotationVisitor? =
        if (isVisible) super.visitAnnotation(type, true) else null

    override fun visitInnerClass(name: String, outer: String?, inner: String?, access: Int) {
        if (name in shown) super.visitInnerClass(name, outer, inner, access)
    }

    override fun visitOuterClass(outer: String, method: String?, type: String?) = Unit

    private fun isHollow(type: String) = type.startsWith("L") && type.substring(1, type.length - 1) in hollow

    override fun visitField(access: Int, name: String, type: String, generic: String?, value: Any?): FieldVisitor? {
        if (isHollow(type)) return null
        isEmpty = false
        val told = generic.takeIf { "$owner.$name $type" in fixed }
        // Its value is no longer given where the class file says that it must be.
        val isStatic = access and Opcodes.ACC_STATIC != 0
        val isGivenAway = targets.keys.any { it.startsWith("$owner.${if (isStatic) "<clinit>" else "<init>"}") }
        val kept = if (isGivenAway && value == null) access and Opcodes.ACC_FINAL.inv() else access
        val field = super.visitField(opened(kept, "$name $type"), name, type, told, value)
        return object : FieldVisitor(Opcodes.ASM9, field) {
            override fun visitAnnotation(type: String, isVisible: Boolean): AnnotationVisitor? =
                if (isVisible) super.visitAnnotation(type, true) else null
        }
    }

    override fun visitMethod(
        access: Int,
        name: String,
        type: String,
        generic: String?,
        thrown: Array<String>?,
    ): MethodVisitor? {
        if (owner in hollow && (name == "<init>" || (name == "<clinit>" && isEmpty))) return null
        val target = targets["$owner.$name$type"]
        if (target?.isWhole != true) {
            isEmpty = false
            val told = generic.takeIf { "$owner.$name$type" in fixed }
            val method = super.visitMethod(opened(access, "$name$type"), name, type, told, thrown)
            if (target == null) return Calls(null, method)
            writeCall(method, name, type, target)
        }
        val moved = gatherers.getValue(target.owner).visitMethod(MOVED, target.name, target.type, null, null)
        val calls = Calls(owner, moved)
        return if (name == "<init>") WithoutParent(calls) else calls
    }

    /** What stays of a method whose code is elsewhere. */
    private fun writeCall(method: MethodVisitor, name: String, type: String, target: Target) {
        method.visitCode()
        if (name == "<init>") {
            method.visitVarInsn(Opcodes.ALOAD, 0)
            method.visitMethodInsn(Opcodes.INVOKESPECIAL, OBJECT, name, "()V", false)
        }
        var slot = 0
        for (argument in Type.getArgumentTypes(target.type)) {
            method.visitVarInsn(argument.getOpcode(Opcodes.ILOAD), slot)
            slot += argument.size
        }
        method.visitMethodInsn(Opcodes.INVOKESTATIC, target.owner, target.name, target.type, false)
        val result = Type.getReturnType(type)
        method.visitInsn(result.getOpcode(Opcodes.IRETURN))
        method.visitMaxs(maxOf(slot, result.size), slot)
        method.visitEnd()
    }

    /** Private no more where a moved method needs it; in another package than that one, public. */
    private fun opened(access: Int, member: String): Int {
        if (gatherer == null || "$owner.$member" !in opened) return access
        val others = access and (Opcodes.ACC_PRIVATE or Opcodes.ACC_PROTECTED).inv()
        val isNear = owner.substringBeforeLast('/') == gatherer.substringBeforeLast('/')
        return if (isNear && access and Opcodes.ACC_PUBLIC == 0) others else others or Opcodes.ACC_PUBLIC
    }

    /** Points calls to where their methods are now; [from] is where a moved method was. */
    private inner class Calls(private val from: String?, next: MethodVisitor) : MethodVisitor(Opcodes.ASM9, next) {
        override fun visitAnnotation(type: String, isVisible: Boolean): AnnotationVisitor? =
            if (isVisible) super.visitAnnotation(type, true) else null

        override fun visitAnnotableParameterCount(count: Int, isVisible: Boolean): Unit = Unit

        override fun visitParameterAnnotation(parameter: Int, type: String, isVisible: Boolean): AnnotationVisitor? =
            null

        /** The singleton that would be made here; see [hollow]. */
        private var unmade: String? = null

        override fun visitTypeInsn(code: Int, type: String) {
            if (code == Opcodes.NEW && type in hollow) unmade = type else super.visitTypeInsn(code, type)
        }

        override fun visitInsn(code: Int) {
            if (unmade == null) super.visitInsn(code)
        }

        override fun visitFieldInsn(code: Int, owner: String, name: String, type: String) {
            when {
                !isHollow(type) -> super.visitFieldInsn(code, owner, name, type)
                code == Opcodes.GETSTATIC -> super.visitInsn(Opcodes.ACONST_NULL)
                else -> unmade = null // it would be stored
            }
        }

        override fun visitMethodInsn(code: Int, owner: String, name: String, type: String, isInterface: Boolean) {
            if (owner == unmade) return
            val target = targets["$owner.$name$type"]
            // What was private to the class is not to the one with the moved methods.
            val isOwn = code == Opcodes.INVOKESPECIAL && owner == from && name != "<init>"
            if (target?.isWhole == true) {
                super.visitMethodInsn(Opcodes.INVOKESTATIC, target.owner, target.name, target.type, false)
            } else {
                super.visitMethodInsn(if (isOwn) Opcodes.INVOKEVIRTUAL else code, owner, name, type, isInterface)
            }
        }

        override fun visitInvokeDynamicInsn(name: String, type: String, by: Handle, vararg arguments: Any) {
            val moved = arguments.map { if (it is Handle) moved(it) else it }
            super.visitInvokeDynamicInsn(name, type, by, *moved.toTypedArray())
        }

        private fun moved(handle: Handle): Handle {
            val target = targets["${handle.owner}.${handle.name}${handle.desc}"]?.takeIf { it.isWhole } ?: return handle
            return Handle(Opcodes.H_INVOKESTATIC, target.owner, target.name, target.type, false)
        }
    }

    /** A constructor's code without its beginning, the call of Object's. */
    private class WithoutParent(next: MethodVisitor) : MethodVisitor(Opcodes.ASM9, next) {
        private var left = 2

        override fun visitVarInsn(code: Int, slot: Int) {
            if (left == 2) left-- else super.visitVarInsn(code, slot)
        }

        override fun visitMethodInsn(code: Int, owner: String, name: String, type: String, isInterface: Boolean) {
            if (left == 1) left-- else super.visitMethodInsn(code, owner, name, type, isInterface)
        }
    }

    private companion object {
        const val OBJECT = "java/lang/Object"
        const val MOVED = Opcodes.ACC_PUBLIC or Opcodes.ACC_STATIC
    }
}
