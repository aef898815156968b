package littoral

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.DynamicTest.dynamicTest
import org.junit.jupiter.api.TestFactory
import java.io.File
import java.util.Base64

@Suppress("UNCHECKED_CAST")
internal class PreprocessTest {
    @TestFactory
    fun `the golden vectors that every language shares`(): List<DynamicTest> {
        val files = File(Golden.repository, "tests/golden/steps").listFiles { it: File ->
            it.extension ==
                "json"
        }
        assertTrue(files.orEmpty().isNotEmpty())
        return files.orEmpty().sorted().flatMap { file ->
            val vectors = Golden.parse(file.readText()) as Map<String, Any?>
            val inputs = vectors["inputs"] as Map<String, Map<String, Any?>>
            (vectors["cases"] as List<Map<String, Any?>>).map { case ->
                dynamicTest("${file.name} ${case["name"]}") {
                    shared(case, raw(inputs.getValue(case["input"].toString())), vectors["tolerance"])
                }
            }
        }
    }

    private fun shared(case: Map<String, Any?>, raw: Any, tolerance: Any?) {
        val made = runCatching { Preprocess.apply(case["steps"] as List<Map<String, Any?>>, raw) }
        if (case["refused"] == true) {
            assertEquals("InputError", made.exceptionOrNull()?.let { it::class.simpleName })
            return
        }
        val result = made.getOrThrow()
        assertEquals(case["dtype"], result.dtype.label)
        assertEquals(case["shape"], result.shape.map { it.toLong() })
        val allowed = (case["tolerance"] ?: tolerance) as Map<String, Number>
        (case["values"] as List<Number>).forEachIndexed { index, value ->
            val wanted = value.toDouble()
            val bound = allowed.getValue("absolute").toDouble() +
                allowed.getValue("relative").toDouble() * Math.abs(wanted)
            val off = Math.abs(wanted - result.doubleAt(index))
            assertTrue(off <= bound, "value $index: $wanted, came ${result.doubleAt(index)}")
        }
    }

    private fun raw(input: Map<String, Any?>): Any = when (input["kind"]) {
        "text" -> input["text"].toString()
        "bytes" -> Base64.getDecoder().decode(input["base64"].toString())
        "row" -> input["row"]!!
        "recording" -> Recording((input["rate"] as Long).toInt(), tensor(input))
        else -> tensor(input)
    }

    private fun tensor(input: Map<String, Any?>): Tensor {
        val values = (input["values"] as List<Number>).map { it.toDouble() }
        val shape = (input["shape"] as List<Long>?)?.map { it.toInt() } ?: listOf(values.size)
        return Golden.numbers(DType.of(input["dtype"].toString())!!, shape, values)
    }

    @TestFactory
    fun `what Python makes of pictures, sounds, rows and texts`(): List<DynamicTest> =
        Golden.cases("preprocessing").mapIndexed { number, case ->
            dynamicTest("$number ${(case["steps"] as List<Map<String, Any?>>)[0]["step"]}") {
                val made = Preprocess.apply(case["steps"] as List<Map<String, Any?>>, handedIn(case))
                val wanted = Golden.tensor(case["result"])!!
                assertEquals(wanted.dtype, made.dtype)
                val size = (0 until wanted.size).maxOf { Math.abs(wanted.doubleAt(it)) }
                assertTrue(Golden.difference(wanted, made) <= 1e-5 * maxOf(1.0, size))
            }
        }

    @TestFactory
    fun `what a step refuses, in the words of Python`(): List<DynamicTest> =
        Golden.cases("messages").filter { it["kind"] == "step" }.map { case ->
            dynamicTest(case["message"].toString()) {
                val error = runCatching {
                    Preprocess.apply(case["steps"] as List<Map<String, Any?>>, handedIn(case))
                }.exceptionOrNull()
                assertEquals(case["error"], error?.let { it::class.simpleName })
                assertEquals(case["message"], error?.message)
            }
        }

    private fun handedIn(case: Map<String, Any?>): Any {
        val raw = Golden.tensor(case["raw"]) ?: return case["raw"]!!
        return (case["rate"] as Long?)?.let { Recording(it.toInt(), raw) } ?: raw
    }
}
