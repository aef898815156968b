package littoral

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.DynamicTest.dynamicTest
import org.junit.jupiter.api.TestFactory
import java.io.File
import java.util.Base64

/** What every engine must do with files that no card vouches for, and with what it is told besides the file. */
public abstract class AnybodysFilesContract(private val format: String) {
    private fun cases(name: String) = Golden.cases(name).filter { it["file"].toString().endsWith(format) }

    @TestFactory
    public fun `damaged files end in an answer or an error of ours`(): List<DynamicTest> =
        cases("damaged").groupBy { it["file"].toString() }.map { (file, cases) ->
            dynamicTest("$file, ${cases.size} copies") {
                val whole = File(Golden.file(file)).readBytes()
                for (case in cases) damaged(file, applied(case["edits"] as List<*>, whole), case)
            }
        }

    private fun damaged(file: String, content: ByteArray, case: Map<String, Any?>) {
        val what = "$file ${case["kind"]} ${case["edits"].toString().take(SHOWN)}"
        val checked = outcome(content, Verify.AUTO)
        assertTrue(checked is ModelError, "$what: $checked")
        if (case["checked"] == "IntegrityError") assertTrue(checked is IntegrityError, "$what: $checked")
        val unchecked = outcome(content, Verify.NEVER)
        assertTrue(unchecked == null || unchecked is LittoralError, "$what: $unchecked")
        val (error, message) = (case["unchecked"] as Map<*, *>).let { it["error"] to it["message"]?.toString() }
        if (error != null) assertTrue(unchecked is ModelError, "$what: $unchecked")
        // Where a file breaks first depends on what a parser reads first; which rule it breaks does not.
        if (message != null && PARSERS.none { it in message }) {
            assertEquals("<bytes>: $message", unchecked?.message, what)
        }
    }

    private fun outcome(content: ByteArray, verify: Verify): Throwable? = try {
        Littoral.load(content, options = LoadOptions(verify = verify)).use { model ->
            val inputs = model.inputs.associate { spec ->
                val shape = spec.shape.map { it ?: 1 }
                if (shape.fold(1L) { count, size -> count * size } > MOST) return null
                spec.name to Tensor.zeros(spec.realDType, shape)
            }
            model.run(inputs)
        }
        null
    } catch (error: Throwable) {
        error
    }

    private fun applied(edits: List<*>, whole: ByteArray): ByteArray = edits.fold(whole) { content, edit ->
        val (at, removed, inserted) = edit as List<*>
        val from = (at as Long).toInt()
        val middle = Base64.getDecoder().decode(inserted.toString())
        content.copyOf(from) + middle + content.copyOfRange(from + (removed as Long).toInt(), content.size)
    }

    @TestFactory
    @Suppress("UNCHECKED_CAST")
    public fun `the functions of a file run by their names as in Python`(): List<DynamicTest> =
        cases("signatures").map { case ->
            dynamicTest("${case["file"]} ${case["signature"]}") {
                val options = LoadOptions(signature = case["signature"] as String?)
                val loaded = runCatching { Littoral.load(Golden.file(case["file"].toString()), options) }
                assertEquals(case["error"], loaded.exceptionOrNull()?.javaClass?.simpleName)
                loaded.exceptionOrNull()?.let { assertEquals(case["message"], it.message) }
                loaded.getOrNull()?.use { model ->
                    val listed = model.signatures.mapValues { listOf(it.value.inputs, it.value.outputs) }
                    assertEquals(case["listed"], listed)
                    val inputs = (case["inputs"] as Map<String, Any?>).mapValues { Golden.tensor(it.value)!! }
                    assertEquals(inputs.keys.toList(), model.inputs.map { it.name })
                    val wanted = (case["outputs"] as Map<String, Any?>).mapValues { Golden.tensor(it.value)!! }
                    assertEquals(wanted, model.run(inputs))
                }
            }
        }

    @TestFactory
    @Suppress("UNCHECKED_CAST")
    public fun `options do what they do in Python, or are refused in its words`(): List<DynamicTest> =
        cases("options").map { case ->
            dynamicTest(case["options"].toString()) {
                val options = LoadOptions(options = case["options"] as Map<String, Any>)
                val file = Golden.file(case["file"].toString())
                val made = runCatching { Littoral.load(file, options).use { it.run(Golden.tensor(case["x"])!!) } }
                assertEquals(case["error"], made.exceptionOrNull()?.javaClass?.simpleName, "$made")
                val wanted = Golden.tensor(case["result"])
                if (wanted != null) {
                    assertTrue(Golden.difference(wanted, made.getOrThrow()) <= CLOSENESS)
                } else {
                    assertEquals(told(case["message"].toString()), told(made.exceptionOrNull()?.message.orEmpty()))
                }
            }
        }

    /** Which engines there are, and which options they have, differs; so do a system's own words. */
    private fun told(message: String): String = message.substringAfter(": ").replace("ai-edge-litert", "litert")
        .replace(Regex("(choose from providers|choose from xnnpack|has no Abacus: choose|does not load).*"), "$1")

    @TestFactory
    public fun `weights in another file are read from the model's own folder alone`(): List<DynamicTest> =
        cases("external").map { case ->
            dynamicTest(case["file"].toString()) {
                val path = File(Golden.file(case["file"].toString()))
                val made = runCatching { Littoral.load(path).use { it.run(Golden.tensor(case["x"])!!) } }
                assertEquals(case["error"], made.exceptionOrNull()?.javaClass?.simpleName, "$made")
                val message = made.exceptionOrNull()?.message?.substringAfter(": ")
                assertEquals(case["message"]?.toString()?.substringAfter(": "), message)
                Golden.tensor(case["y"])?.let { assertEquals(it, made.getOrThrow()) }
                val alone = runCatching { Littoral.load(path.readBytes()).close() }.exceptionOrNull()
                assertTrue("loaded by its path" in alone?.message.orEmpty() || case["error"] != null, "$alone")
            }
        }

    private companion object {
        val PARSERS = listOf("a FlatBuffer", "protobuf", "not a TFLite")
        const val SHOWN = 200
        const val MOST = 1L shl 22
        const val CLOSENESS = 1e-6
    }
}
