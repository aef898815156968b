package littoral.android

import android.app.Activity
import android.os.Bundle
import android.util.Log
import android.view.WindowManager.LayoutParams
import littoral.Errand
import littoral.Littoral
import java.io.File

/**
 * Measures model files on the device: what `littoral bench --target adb://` starts where there is no
 * Python, and what one can start by hand. An app that wants it declares it in its manifest:
 *
 * ```
 * <activity android:name="littoral.android.BenchmarkActivity" android:exported="true"
 *     android:permission="android.permission.DUMP">
 *     <intent-filter><action android:name="littoral.BENCHMARK" /></intent-filter>
 * </activity>
 * ```
 *
 * The permission is one that adb's shell has and other apps have not. The extra `request` names a file
 * as [Errand] reads it; the answer goes to `littoral/` in the app's external files folder.
 *
 * By hand: `adb shell am start -n PACKAGE/littoral.android.BenchmarkActivity --es models
 * /data/local/tmp/a.tflite,/data/local/tmp/b.onnx --ei runs 200`. The extras `models` (paths, or names of
 * assets, separated by commas), `runs`, `warmup`, `duration_ms`, `threads` and `engine` are those of
 * `littoral bench`. The answer goes to `benchmark.json` in the app's external files folder, and a line
 * that begins with `littoral-benchmark:` in the log says that it is there.
 */
public class BenchmarkActivity : Activity() {
    @Suppress("DEPRECATION") // Bundle.get: adb gives numbers and texts, and one reader will do
    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        // A screen that is off slows the processor down.
        window.addFlags(
            LayoutParams.FLAG_KEEP_SCREEN_ON or LayoutParams.FLAG_TURN_SCREEN_ON or LayoutParams.FLAG_SHOW_WHEN_LOCKED,
        )
        if (state != null) return // made anew, for example by a rotation, while it works
        Thread({ answer { name -> intent.extras?.get(name)?.toString() } }, "littoral benchmark").start()
    }

    private fun answer(extra: (String) -> String?) {
        val path = extra("request")
        val file = if (path == null) {
            val request = BenchmarkRequest(extra)
            File(getExternalFilesDir(null), "benchmark.json").apply { writeText(request.answer(deviceFacts(), ::load)) }
        } else {
            Errand.run(File(path), File(getExternalFilesDir(null), "littoral")) { deviceFacts() }
        }
        Log.i("littoral", "littoral-benchmark: $file")
        runOnUiThread { finish() }
    }

    private fun load(name: String, request: BenchmarkRequest) =
        if (name.startsWith("/")) Littoral.load(name, request.options) else Littoral.load(assets, name, request.options)
}
