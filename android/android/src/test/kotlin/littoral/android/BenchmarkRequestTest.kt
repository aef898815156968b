package littoral.android

import littoral.DType
import littoral.InputError
import littoral.Littoral
import littoral.Pool
import littoral.Tensor
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import java.io.File
import java.util.concurrent.CompletableFuture
import kotlin.coroutines.Continuation
import kotlin.coroutines.EmptyCoroutineContext
import kotlin.coroutines.startCoroutine

internal class BenchmarkRequestTest {
    private val golden = System.getProperty("littoral.golden")

    @Test
    fun `it measures the files of both engines that adb names`() {
        val files = listOf("tflite", "onnx").joinToString(",") { "$golden/mlp.float32.$it" }
        val extras = mapOf("models" to files, "runs" to "60", "warmup" to "5")
        val answer = BenchmarkRequest(extras::get).answer(mapOf("board" to "b")) { name, asked ->
            Littoral.load(name, asked.options)
        }
        assertEquals(2, Regex("\"latency_p90_us\":").findAll(answer).count(), answer)
        assertTrue("\"runs\":60" in answer && "\"engine\":\"onnxruntime\"" in answer)
        assertTrue("\"rounds\":[[[" in answer && "\"board\":\"b\"" in answer)
    }

    @Test
    fun `what cannot be measured is one line`() {
        fun answer(extra: (String) -> String?) =
            BenchmarkRequest(extra).answer(emptyMap()) { name, _ -> Littoral.load(File(name)) }
        val wanted = "{\"error\":\"InputError\",\"message\":\"nowhere.onnx: no such file\"}"
        assertEquals(wanted, answer(mapOf("models" to "nowhere.onnx")::get))
        val none = answer { null }
        assertTrue("nothing to measure" in none)
        assertThrows(InputError::class.java) { BenchmarkRequest(mapOf("runs" to "many")::get) }
    }

    @Test
    fun `a coroutine goes on with the pool's answer, or with what went wrong`() {
        val x = Tensor.of(floatArrayOf(1f, 2f, 3f))
        Pool(Littoral.load("$golden/one.onnx")).use { pool ->
            assertEquals(Tensor.of(floatArrayOf(2f, 4f, 6f)), awaited { pool.await(x) }.getOrThrow())
            assertTrue(awaited { pool.await(Tensor.of(floatArrayOf(1f))) }.exceptionOrNull() is InputError)
        }
    }

    private fun awaited(block: suspend () -> Tensor): Result<Tensor> {
        val answer = CompletableFuture<Result<Tensor>>()
        block.startCoroutine(Continuation(EmptyCoroutineContext, answer::complete))
        return answer.get()
    }

    @Test
    fun `packed pixels come apart in the order of the picture`() {
        val argb = intArrayOf(0x7f010203, 0xff.shl(24) or 0xfffefd)
        val wanted = byteArrayOf(1, 2, 3, -1, -2, -3)
        assertEquals(Tensor.of(DType.UINT8, wanted, 1, 2, 3), pixels(argb, 2, 1))
    }
}
