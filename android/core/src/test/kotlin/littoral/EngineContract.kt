package littoral

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertFalse
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.DynamicTest.dynamicTest
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.TestFactory
import java.io.File
import java.util.Base64
import java.util.concurrent.Callable
import java.util.concurrent.Executors

/** What every engine must do. An engine's own test class names itself and its format. */
public abstract class EngineContract(private val engine: String, private val format: String) {
    private fun load(name: String, threads: Int = 1): Model =
        Littoral.load(Golden.file("$name.$format"), LoadOptions(engine, threads))

    private fun <T> with(name: String, threads: Int = 1, use: (Model) -> T): T = load(name, threads).use(use)

    @Test
    public fun `the library is installed and names its version`() {
        val own = Engines.known().single { it.name == engine }
        assertTrue(own.version().orEmpty().any { it.isDigit() })
        assertTrue(':' in own.dependency)
    }

    @TestFactory
    public fun `every file of the demo answers as it does in Python`(): List<DynamicTest> =
        Golden.cases("models").filter { it["file"].toString().endsWith(format) }.map { case ->
            dynamicTest(case["file"].toString()) { answersAsInPython(case) }
        }

    private fun answersAsInPython(case: Map<String, Any?>) {
        val file = case["file"].toString()
        val x = Golden.tensor(case["x"])!!
        Littoral.load(Golden.file(file), LoadOptions(verify = Verify.ALWAYS)).use { model ->
            assertEquals(engine, model.engine)
            assertEquals(case["inputs"], model.inputs.map(::fields))
            assertEquals(case["outputs"], model.outputs.map(::fields))
            assertEquals(case["labels"], model.card!!.labels)
            assertEquals(case["card"], model.card!!.fields)
            val closeness = 1e-6
            val scale = model.outputs[0].scale?.toDouble() ?: 0.0
            val allowed = if (model.outputs[0].isQuantized) scale * 1e-3 else closeness
            assertTrue(Golden.difference(Golden.tensor(case["batch"])!!, model.run(x)) <= allowed)
            val sample = x.rows(0, 1).reshape(x.shape.drop(1))
            assertTrue(Golden.difference(Golden.tensor(case["sample"])!!, model.run(sample)) <= allowed)
            if (x.dtype == DType.FLOAT32) {
                assertTrue(model.run(sample.floats).contentEquals(model.run(sample).floats))
            }
            val rawX = Golden.tensor(case["raw_x"]) ?: return
            val raw = model.runRaw(rawX)
            val wanted = Golden.tensor(case["raw"])!!
            if (wanted.dtype.isFloat) {
                assertTrue(Golden.difference(wanted, raw) <= closeness)
            } else {
                assertEquals(wanted, raw)
            }
        }
    }

    private fun fields(spec: TensorSpec): Map<String, Any?> = mapOf(
        "name" to spec.name,
        "shape" to spec.shape.map { it?.toLong() },
        "dtype" to spec.dtype.label,
        "scale" to spec.scale?.toDouble(),
        "zero_point" to spec.zeroPoint,
    )

    @TestFactory
    public fun `bad input is refused in the words of Python`(): List<DynamicTest> =
        Golden.cases("messages").filter { belongs(it) }.mapIndexed { number, case ->
            dynamicTest("$number ${case["kind"]} ${case["error"]}") { refused(case) }
        }

    private fun belongs(case: Map<String, Any?>): Boolean = when (case["kind"]) {
        "load" -> {
            val start = Base64.getDecoder().decode(case["content"].toString()).copyOf(8)
            (String(start, 4, 4) == "TFL3") == (format == "tflite")
        }
        "step" -> false
        else -> case["file"].toString().endsWith(format)
    }

    private fun refused(case: Map<String, Any?>) {
        val error = runCatching { attempt(case) }.exceptionOrNull()
        assertEquals(case["error"], error?.let { it::class.simpleName })
        // Where a cut-off file breaks depends on what a parser reads first; that it is refused does not.
        val wanted = case["message"]?.toString()
        if (wanted == null || PARSERS.none { it in wanted }) assertEquals(wanted, error?.message)
    }

    @Suppress("UNCHECKED_CAST")
    private fun attempt(case: Map<String, Any?>) {
        if (case["kind"] == "load") {
            Littoral.load(Base64.getDecoder().decode(case["content"].toString())).close()
            return
        }
        val inputs = (case["inputs"] as Map<String, Any?>).mapValues { Golden.tensor(it.value)!! }
        Littoral.load(Golden.file(case["file"].toString())).use { model ->
            if (case["kind"] == "run_raw") model.runRaw(inputs.values.toList()) else model.run(inputs)
        }
    }

    @Test
    public fun `one sample comes back without batch axis`() {
        with("one") { model ->
            assertEquals(Tensor.of(floatArrayOf(2f, 4f, 6f)), model.run(Tensor.of(floatArrayOf(1f, 2f, 3f))))
            assertEquals(listOf(TensorSpec("x", listOf(1, 3), DType.FLOAT32)), model.inputs)
        }
    }

    @Test
    public fun `a batch larger than the file takes`() {
        val values = FloatArray(21) { it.toFloat() }
        with("one") { assertEquals(doubled(Tensor.of(values, 7, 3)), it.run(Tensor.of(values, 7, 3))) }
        val pairs = Tensor.of(values.copyOf(14), 7, 2)
        with("four") { model ->
            for (count in listOf(7, 4, 1)) {
                assertEquals(doubled(pairs.rows(0, count)), model.run(pairs.rows(0, count)))
            }
        }
    }

    @Test
    public fun `an open batch axis takes any count in any order`() {
        with("open") { model ->
            assertEquals(listOf(null, 3), model.inputs[0].shape)
            for (count in listOf(1, 5, 1, 3, 3, 2, 64)) {
                val x = Tensor.of(FloatArray(3 * count) { it * 0.37f }, count, 3)
                assertEquals(doubled(x), model.run(x))
            }
        }
    }

    @Test
    public fun `several inputs and outputs keep name and order`() {
        val a = Tensor.of(floatArrayOf(5f, 7f), 1, 2)
        val b = Tensor.of(floatArrayOf(1f, 2f), 1, 2)
        with("several") { model ->
            assertEquals(listOf("b", "a"), model.inputs.map { it.name })
            for (result in listOf(model.run(mapOf("a" to a, "b" to b)), model.run(listOf(b, a)))) {
                assertEquals(listOf("difference", "sum"), result.keys.toList())
                assertEquals(Tensor.of(floatArrayOf(4f, 5f), 1, 2), result["difference"])
                assertEquals(Tensor.of(floatArrayOf(6f, 9f), 1, 2), result["sum"])
            }
            val error = assertThrows(InputError::class.java) { model.run(a) }
            assertTrue("the model has 2 inputs (b, a)" in error.message)
        }
    }

    @Test
    public fun `whole numbers and booleans`() {
        with("int32") { model ->
            val x = Tensor.of(intArrayOf(1, -2, (1 shl 30) - 1), 1, 3)
            assertEquals(Tensor.of(intArrayOf(2, -4, Int.MAX_VALUE - 1), 1, 3), model.run(x))
            assertEquals(Tensor.of(intArrayOf(2, 4, 6)), model.run(Tensor.of(floatArrayOf(1f, 2f, 3f))))
        }
        with("int64") { model ->
            val x = Tensor.of(longArrayOf(1, 2, 3), 1, 3)
            assertEquals(Tensor.of(longArrayOf(2, 4, 6), 1, 3), model.run(x))
        }
        with("bool") { model ->
            val x = Tensor.of(booleanArrayOf(true, false, true), 1, 3)
            assertEquals(Tensor.of(booleanArrayOf(false, true, false), 1, 3), model.run(x))
        }
    }

    @Test
    public fun `results belong to the caller`() {
        val model = load("one")
        val first = model.run(Tensor.of(floatArrayOf(1f, 1f, 1f)))
        first.floats[0] = 99f
        val second = model.run(Tensor.of(floatArrayOf(0f, 0f, 0f)))
        model.close()
        assertEquals(Tensor.of(floatArrayOf(99f, 2f, 2f)), first)
        assertEquals(Tensor.of(floatArrayOf(0f, 0f, 0f)), second)
    }

    @Test
    public fun `threads that share a model get their own answers`() {
        val pool = Executors.newFixedThreadPool(8)
        with("open") { model ->
            val wrong = (0 until 8).map { number ->
                pool.submit(
                    Callable {
                        (0 until 100).count { step ->
                            val rows = 1 + (step + number) % 3
                            val x = Tensor.of(FloatArray(3 * rows) { number * 1000f + step }, rows, 3)
                            model.run(x) != doubled(x)
                        }
                    },
                )
            }
            assertEquals(0, wrong.sumOf { it.get() })
        }
        pool.shutdown()
    }

    @Test
    public fun `more threads give the same answer`() {
        with("one", threads = 2) { model ->
            assertEquals(Tensor.of(floatArrayOf(2f, 4f, 6f)), model.run(Tensor.of(floatArrayOf(1f, 2f, 3f))))
        }
    }

    @Test
    public fun `a closed model says so`() {
        val model = load("one")
        model.close()
        model.close()
        val error = assertThrows(EngineError::class.java) { model.run(Tensor.of(floatArrayOf(1f, 2f, 3f))) }
        assertEquals("one.$format is closed: load it again to run it", error.message)
    }

    @Test
    public fun `everything about a closed model says so`() {
        val model = load("one")
        model.close()
        val x = Tensor.of(floatArrayOf(1f, 2f, 3f))
        val uses = listOf<() -> Any>(
            { model.run(x) },
            { model.runRaw(x.reshape(1, 3)) },
            { model.stream() },
            { Pool(model) },
            { Measurement.ofModels(listOf(model)) },
        )
        for (use in uses) {
            val error = assertThrows(EngineError::class.java) { use() }
            assertEquals("one.$format is closed: load it again to run it", error.message)
        }
    }

    @Test
    public fun `a batch for which there is no memory is an error, and the model goes on`() {
        with("open") { model ->
            val free = Runtime.getRuntime().maxMemory()
            val rows = (free / 2 / (3 * Float.SIZE_BYTES)).toInt()
            val error = assertThrows(EngineError::class.java) {
                model.run(Tensor.zeros(DType.FLOAT32, listOf(rows, 3)))
            }
            assertTrue("memory" in error.message, error.message)
            val x = Tensor.of(floatArrayOf(1f, 2f, 3f), 1, 3)
            assertEquals(doubled(x), model.run(x))
        }
    }

    @Test
    public fun `a thousand loads and closes leave nothing behind`() {
        val content = File(Golden.file("mlp.float32.$format")).readBytes()
        repeat(CYCLES_TO_SETTLE) { cycle(content) }
        val before = residentKibibytes()
        repeat(CYCLES) { cycle(content) }
        val grown = residentKibibytes() - before
        // A model of 310 kB that stayed each time would be 300 MB.
        assertTrue(grown < ALLOWED_KIBIBYTES, "$grown KiB more after $CYCLES cycles")
    }

    private fun cycle(content: ByteArray) {
        Littoral.load(content).use { it.run(FloatArray(it.inputs[0].shape[1]!!)) }
    }

    private fun residentKibibytes(): Int {
        System.gc()
        val line = File("/proc/self/status").readLines().first { it.startsWith("VmRSS:") }
        return line.filter { it.isDigit() }.toInt()
    }

    @Test
    public fun `an engine that is asked for by a wrong name, or for another format`() {
        val other = if (format == "onnx") "tflite" else "onnx"
        val foreign = LoadOptions(engine)
        val error = assertThrows(InputError::class.java) { Littoral.load(Golden.file("one.$other"), foreign) }
        assertEquals("engine $engine runs $format files, and this is $other", error.message)
        val unknown = LoadOptions("tensorflow")
        val none = assertThrows(InputError::class.java) { Littoral.load(Golden.file("one.$format"), unknown) }
        assertTrue(none.message.startsWith("unknown engine 'tensorflow': choose from "))
        if (Engines.known().size > 1) return // an app that has both
        val missing =
            assertThrows(EngineNotInstalled::class.java) { Littoral.load(Golden.file("one.$other")) }
        assertTrue("file needs an engine: add implementation(" in missing.message)
    }

    @Test
    public fun `a model in real units and a model in memory give the same`() {
        val path = Golden.file("one.$format")
        val one = Tensor.of(floatArrayOf(1f, 2f, 3f))
        Littoral.load(File(path).inputStream(), "asset").use { assertEquals(doubled(one), it.run(one)) }
        Littoral.load(File(path).readBytes()).use { assertFalse(it.run(one) == one) }
    }

    private fun doubled(x: Tensor): Tensor = Tensor.of(FloatArray(x.size) { 2 * x.floats[it] }, x.shape)

    private companion object {
        /** What Python's parsers begin with when they say where a file breaks. */
        val PARSERS = listOf("a FlatBuffer", "protobuf")
        const val CYCLES_TO_SETTLE = 200
        const val CYCLES = 1000
        const val ALLOWED_KIBIBYTES = 40_000
    }
}
