package littoral.android

import littoral.Errand
import littoral.Golden
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNotNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.io.TempDir
import java.io.File

/** Requests as Python writes them, done with both engines. */
internal class ErrandTest {
    @TempDir
    lateinit var answers: File

    private val files = Golden.cases("errand").map { it["file"].toString() }.distinct()

    /** The answer to a request that lies beside the golden files. */
    private fun answer(request: String): Map<*, *> {
        val file = File.createTempFile("errand", ".json", Golden.folder)
        try {
            file.writeText(request)
            val answer = Errand.run(file, answers) { mapOf("board" to "a \"board\"") }
            assertEquals(file.name, answer.name)
            val archive = "${file.nameWithoutExtension}.npz"
            assertEquals(emptyList<String>(), answers.list().orEmpty().filter { it != file.name && it != archive })
            return Golden.json(answer).also { answer.delete() }
        } finally {
            file.delete()
        }
    }

    private fun listed(names: List<String>, more: String = "") =
        names.joinToString(",", "[", "]") { "{\"file\":\"$it\"$more}" }

    @Test
    fun `it measures files on the samples of the request, and gives every duration`() {
        val listed = listed(files, ",\"threads\":2")
        val how = "\"data\":\"errand.npz\",\"runs\":40,\"warmup\":2,\"duration_ms\":1"
        val answer = answer("{\"errand\":\"measure\",\"files\":$listed,$how}")
        val measured = (answer["measurements"] as List<*>).map { it as Map<*, *> }
        assertEquals(files, measured.map { it["path"] })
        assertTrue(measured.all { it["runs"] == 40L && it["threads"] == 2L })
        assertEquals(listOf("onnxruntime", "litert", "litert"), measured.map { it["engine"] })
        val rounds = (answer["rounds"] as List<*>).map { it as List<*> }
        assertTrue(rounds.all { one -> one.sumOf { (it as List<*>).size } == 40 })
        assertTrue(rounds.flatten().flatMap { it as List<*> }.all { it is Long && it > 0 })
        val environment = answer["environment"] as Map<*, *>
        assertEquals("a \"board\"", environment["board"])
        assertNotNull((environment["engines"] as Map<*, *>)["litert"])
        assertTrue(environment["cores"] as Long > 0)
    }

    @Test
    fun `outputs are those of the Python runtime`() {
        val request = File(Golden.folder, "run.json")
        request.writeText("{\"errand\":\"outputs\",\"files\":${listed(files)},\"data\":\"errand.npz\"}")
        assertEquals("{}", Errand.run(request, answers).readText())
        request.delete()
        for (case in Golden.cases("errand")) {
            val name = case["name"].toString()
            val came = checkNotNull(Golden.array(File(answers, "run.npz"), name)) { name }
            val wanted = checkNotNull(Golden.tensor(case["array"]))
            val most = if (case["is_exact"] == true) 0.0 else 1e-6
            assertTrue(Golden.difference(wanted, came) <= most, "$name: ${Golden.difference(wanted, came)}")
        }
        File(answers, "run.json").delete()
        File(answers, "run.npz").delete()
    }

    @Test
    fun `what cannot be done is the error that Python has for it`() {
        fun refused(kind: String, words: String, request: String) {
            val answer = answer(request)
            assertEquals(kind, answer["error"], answer.toString())
            assertTrue(words in answer["message"].toString(), answer.toString())
        }
        val measure = "{\"errand\":\"measure\",\"files\":"
        refused("InputError", "nowhere.onnx: no such file", "$measure${listed(listOf("nowhere.onnx"))}}")
        refused("FormatError", "errand.npz", "$measure${listed(listOf("errand.npz"))}}")
        refused("InputError", "nothing to measure", "$measure[]}")
        refused("InputError", "runs must be at least 1", "$measure${listed(files)},\"runs\":0}")
        refused("InputError", "unknown errand 'fly'", "{\"errand\":\"fly\"}")
        refused("InputError", "is no request", "[1]")
        refused("InputError", "is no request", "{")
        val outputs = "{\"errand\":\"outputs\",\"files\":${listed(listOf("one.onnx"))}"
        refused("InputError", "give data", "$outputs}")
        refused("InputError", "is no .npz", "$outputs,\"data\":\"one.onnx\"}")
        refused("InputError", "no samples for file 0", "$outputs,\"data\":\"arrays.npz\"}")
        val missing = Golden.json(Errand.run(File(answers, "none.json"), File(answers, "of")))
        assertEquals("InputError", missing["error"])
    }
}
