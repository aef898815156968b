package littoral.android

import android.app.Activity
import android.os.Bundle
import android.util.Log
import littoral.Littoral
import littoral.LittoralError
import java.io.File

/**
 * Measures model files on the device and writes what `littoral bench --json` would.
 *
 * An app that wants it declares it in a manifest of its own, exported for the time of measuring (the
 * sample does), and `adb shell am start -n PACKAGE/littoral.android.BenchmarkActivity --es models
 * /data/local/tmp/a.tflite,/data/local/tmp/b.onnx --ei runs 200` starts it. The extras `models`
 * (paths, or names of assets, separated by commas), `runs`, `warmup`, `duration_ms`, `threads` and
 * `engine` are those of `littoral bench`. The answer goes to `benchmark.json` in the app's external
 * files folder, and a line that begins with `littoral-benchmark:` in the log says that it is there.
 */
public class BenchmarkActivity : Activity() {
    @Suppress("DEPRECATION") // Bundle.get: adb gives numbers and texts, and one reader will do
    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        val request = BenchmarkRequest.of { name -> intent.extras?.get(name)?.toString() }
        Thread({ answer(request) }, "littoral benchmark").start()
    }

    private fun answer(request: BenchmarkRequest) {
        val answer = request.answer(android.os.Build.MODEL) { name ->
            if (name.startsWith("/")) Littoral.load(name, request.options) else load(name, request)
        }
        val file = File(getExternalFilesDir(null), "benchmark.json")
        file.writeText(answer)
        Log.i("littoral", "littoral-benchmark: $file")
        runOnUiThread { finish() }
    }

    private fun load(name: String, request: BenchmarkRequest) = try {
        Littoral.load(assets, name, request.options)
    } catch (error: LittoralError) {
        Log.e("littoral", error.message)
        throw error
    }
}
