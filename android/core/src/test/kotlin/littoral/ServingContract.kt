package littoral

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.DynamicTest.dynamicTest
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.TestFactory
import java.io.File
import java.util.concurrent.CountDownLatch
import java.util.concurrent.ExecutionException

/** What every engine must do step by step, for many threads, and under the clock. */
public abstract class ServingContract(private val engine: String, private val format: String) {
    private fun load(name: String): Model = Littoral.load(Golden.file("$name.$format"), LoadOptions(engine))

    @TestFactory
    public fun `files that remember answer step by step as in Python`(): List<DynamicTest> =
        Golden.cases("streams").filter { it["file"].toString().endsWith(format) }.map { case ->
            dynamicTest(case["file"].toString()) { stepsAsInPython(case) }
        }

    private fun stepsAsInPython(case: Map<String, Any?>) {
        val x = Golden.tensor(case["x"])!!
        val steps = Golden.tensor(case["steps"])!!
        Littoral.load(Golden.file(case["file"].toString())).use { model ->
            model.stream().use { stream ->
                for (at in 0 until x.shape[0]) {
                    val given = stream.step(x.rows(at, at + 1).reshape(x.shape.drop(1)))
                    val wanted = steps.rows(at, at + 1).reshape(steps.shape.drop(1))
                    assertTrue(Golden.difference(wanted, given) <= CLOSENESS, "step $at")
                }
                stream.reset()
                val again = Golden.tensor(case["again"])!!
                assertTrue(Golden.difference(again, stream.step(x.rows(0, 3))) <= CLOSENESS)
            }
        }
    }

    @TestFactory
    public fun `windows over rows that come in pieces answer as in Python`(): List<DynamicTest> =
        Golden.cases("windows").filter { it["file"].toString().endsWith(format) }.map { case ->
            val (hop, smooth, size) = listOf("hop", "smooth", "size").map { (case[it] as Long).toInt() }
            val x = Golden.tensor(case["x"])!!
            val wanted = Golden.tensor(case["results"])!!
            dynamicTest("hop $hop, smooth $smooth, in pieces of $size") {
                Littoral.load(Golden.file(case["file"].toString())).use { model ->
                    model.windows(hop, smooth = smooth).use { windows ->
                        val found = (0 until x.shape[0] step size).map {
                            windows.step(x.rows(it, minOf(it + size, x.shape[0])))
                        }
                        assertTrue(Golden.difference(wanted, joined(found, wanted.shape)) <= CLOSENESS)
                        assertEquals(wanted.shape[0], windows.count)
                    }
                }
            }
        }

    @TestFactory
    public fun `data that goes on is prepared piece by piece as in Python`(): List<DynamicTest> =
        Golden.cases("feeds").filter { it["file"].toString().endsWith(format) }.mapIndexed { number, case ->
            dynamicTest("$number ${case["file"]} ${case["message"]}") {
                Littoral.load(Golden.file(case["file"].toString())).use { model ->
                    if (case["error"] == null) fedAsInPython(model, case) else refusedAsInPython(model, case)
                }
            }
        }

    private fun fedAsInPython(model: Model, case: Map<String, Any?>) {
        val x = Golden.tensor(case["x"])!!
        val wanted = Golden.tensor(case["results"])!!
        model.windows((case["hop"] as Long).toInt(), smooth = 2).use { windows ->
            var at = 0
            val found = (case["sizes"] as List<*>).map { size ->
                val piece = x.rows(at, at + (size as Long).toInt())
                at += size.toInt()
                val isTable = model.card!!.inputs[0].preprocessing[0]["step"] == "tabular"
                val rows = piece.floats.toList().chunked(x.shape.getOrElse(1) { 1 })
                windows.feed(if (isTable) rows else piece).values.single()
            }
            val all = joined(found + windows.finish().values, wanted.shape)
            val size = (0 until wanted.size).maxOf { Math.abs(wanted.doubleAt(it)) }
            assertTrue(Golden.difference(wanted, all) <= PREDICTED * maxOf(1.0, size))
            assertEquals(wanted.shape[0], windows.count)
        }
    }

    private fun refusedAsInPython(model: Model, case: Map<String, Any?>) {
        val windows = model.windows(1)
        val few = FloatArray(9)
        if (case["rate"] == null && "reset first" in case["message"].toString()) windows.step(Tensor.of(FloatArray(13)))
        val raw = (case["rate"] as Long?)?.let { Recording(it.toInt(), few) } ?: few
        val error = assertThrows(InputError::class.java) { windows.feed(raw) }
        assertEquals(case["message"], error.message)
        windows.close()
    }

    private fun joined(pieces: List<Tensor>, shape: List<Int>): Tensor =
        Tensor.of(pieces.flatMap { it.floats.toList() }.toFloatArray(), shape)

    @Test
    public fun `windows that cannot be are refused in the words of Python`() {
        load("gru.float32").use { model ->
            fun refused(use: () -> Any) = assertThrows(InputError::class.java) { use() }.message
            assertEquals("hop is 0: expected a whole number of at least 1", refused { model.windows(0) })
            assertEquals("window is 31, and input 'sequence' takes 32 rows", refused { model.windows(1, 31) })
            val windows = model.windows()
            assertEquals(8, windows.hop)
            val wrong = "input 'sequence': expected a row [13] or several [n, 13], came float32 of shape [2, 12]"
            assertEquals(wrong, refused { windows.step(Tensor.zeros(DType.FLOAT32, listOf(2, 12))) })
            assertEquals(0, windows.step(Tensor.zeros(DType.FLOAT32, listOf(13))).shape[0])
            windows.close()
            assertThrows(EngineError::class.java) { windows.step(Tensor.zeros(DType.FLOAT32, listOf(13))) }
        }
        load("several").use { model -> assertThrows(InputError::class.java) { model.windows() } }
    }

    @TestFactory
    @Suppress("UNCHECKED_CAST")
    public fun `rows, pixels and texts are classified as in Python`(): List<DynamicTest> =
        Golden.cases("predictions").filter { it["file"].toString().endsWith(format) }.map { case ->
            dynamicTest(case["file"].toString()) {
                val raw = Golden.tensor(case["raw"]) ?: case["raw"]!!
                Littoral.load(Golden.file(case["file"].toString())).use { model ->
                    val best = model.predict(raw, top = 3)
                    val wanted = case["ranked"] as List<List<Any>>
                    assertEquals(wanted.map { it[0] to it[2] }, best.predictions.map { it.label to it.index.toLong() })
                    assertEquals((wanted[0][1] as Number).toDouble(), best.score.toDouble(), PREDICTED)
                    assertTrue(best.label == wanted[0][0] && best.milliseconds > 0)
                }
            }
        }

    @Test
    @Suppress("UNCHECKED_CAST")
    public fun `the golden sequences that every language shares`() {
        val folder = File(Golden.repository, "tests/golden/streams")
        val golden = Golden.parse(File(folder, "golden.json").readText()) as Map<String, Any?>
        val sequences = golden["sequences"] as List<Map<String, Map<String, List<List<Double>>>>>
        Littoral.load(File(folder, "golden.$format")).use { model ->
            for (sequence in sequences) {
                val (given, wanted) = listOf("inputs", "outputs").map { rows(sequence.getValue(it)) }
                model.stream().use { stream ->
                    val results = stream.step(given)
                    assertEquals(wanted.keys, results.keys)
                    for ((name, values) in wanted) {
                        val off = Golden.difference(values, results.getValue(name))
                        assertTrue(off <= golden["tolerance"] as Double, "$name: $off")
                    }
                }
            }
        }
    }

    private fun rows(byName: Map<String, List<List<Double>>>): Map<String, Tensor> = byName.mapValues { (_, rows) ->
        Golden.numbers(DType.FLOAT32, listOf(rows.size, rows[0].size), rows.flatten())
    }

    @Test
    public fun `streams of one model do not disturb each other`() {
        val one = Tensor.of(floatArrayOf(1f, 2f))
        load("summing").use { model ->
            val first = model.stream()
            val second = model.stream(initial = mapOf("s" to Tensor.of(floatArrayOf(10f, 10f))))
            assertEquals(Tensor.of(floatArrayOf(1f, 2f)), first.step(one))
            assertEquals(Tensor.of(floatArrayOf(11f, 12f)), second.step(one))
            assertEquals(Tensor.of(floatArrayOf(2f, 4f)), first.step(one))
            val bad = Tensor.of(floatArrayOf(Float.NaN, 0f))
            assertThrows(InputError::class.java) { first.step(bad) }
            assertEquals(listOf(3f, 6f), first.step(one.floats).toList())
            second.close()
            val error = assertThrows(EngineError::class.java) { second.step(one) }
            assertEquals("a stream of summing.$format is closed: open another one", error.message)
        }
        load("one").use { model ->
            val error = assertThrows(InputError::class.java) { model.stream() }
            assertTrue(error.message.startsWith("one.$format remembers nothing from call to call"))
        }
    }

    @Test
    public fun `a pool gives every caller its own answer`() {
        Pool(load("one"), size = 3).use { pool ->
            val wanted = (0 until 200).map { Tensor.of(floatArrayOf(2f * it, 0f, 2f), 1, 3) }
            val xs = (0 until 200).asSequence().map { Tensor.of(floatArrayOf(it.toFloat(), 0f, 1f), 1, 3) }
            assertEquals(wanted, pool.map(xs).toList())
            assertEquals(wanted[4], pool.run(xs.elementAt(4)))
            val failed = pool.submit(Tensor.of(floatArrayOf(1f)))
            val cause = assertThrows(ExecutionException::class.java) { failed.get() }.cause
            assertTrue(cause is InputError)
        }
    }

    @Test
    public fun `a pool that is full says so, and one that is closed`() {
        val x = Tensor.of(floatArrayOf(1f, 2f, 3f))
        val pool = Pool(load("one"), size = 1, waiting = 1)
        val go = CountDownLatch(1)
        repeat(2) { pool.submit(x) { go.await() } }
        val busy = assertThrows(EngineBusy::class.java) { pool.submit(x, timeoutMilliseconds = 0) }
        assertTrue(busy.message.startsWith("one.$format: 1 calls run and 1 wait: try again later"))
        go.countDown()
        pool.close()
        pool.close()
        val closed = assertThrows(EngineError::class.java) { pool.submit(x) }
        assertEquals("the pool of one.$format is closed: make a new one", closed.message)
        assertThrows(EngineError::class.java) { pool.run(x) }
    }

    @Test
    public fun `two files are measured in turn`() {
        val (first, second) = listOf(load("mlp.float32"), load("mlp.static_int8"))
        val measured = Measurement.ofModels(listOf(first, second), Plan(runs = 400, warmup = 50))
        assertEquals(listOf(400, 400), measured.map { it.runs })
        val fields = measured[1].toMap()
        assertEquals("static_int8", fields["scheme"])
        assertEquals(engine, fields["engine"])
        val figures = listOf("latency_p50_us_low", "latency_p50_us", "latency_p50_us_high", "latency_p90_us")
            .map { fields[it] as Double }
        assertEquals(figures.sorted(), figures)
        assertTrue(figures[0] > 0 && (fields["load_ms"] as Double) > 0)
        assertTrue(measured[0].ratioTo(measured[1]).value > 0)
        assertEquals(fields, Golden.parse(measured[1].toJson()).let(::comparable))
        keep("earlier", measured)
        keep("later", Measurement.ofModels(listOf(first, second), Plan(runs = 60, warmup = 5)))
        listOf(first, second).forEach { it.close() }
    }

    /** For `tests/kotlin_measured.py`, where Python reads them. */
    private fun keep(name: String, measured: List<Measurement>) {
        val file = File(Golden.folder, "measured/$name.$format.json")
        file.parentFile.mkdirs()
        file.writeText("{\"measurements\":${measured.map { it.toJson() }},\"environment\":{}}")
    }

    private fun comparable(parsed: Any?): Map<*, *> =
        (parsed as Map<*, *>).mapValues { (key, value) ->
            if (key in listOf("threads", "runs", "outliers", "size_bytes")) (value as Long).toInt() else value
        }

    private companion object {
        const val CLOSENESS = 1e-6

        /** What preprocessing may differ by. */
        const val PREDICTED = 1e-5
    }
}
