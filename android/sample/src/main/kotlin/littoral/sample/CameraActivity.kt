package littoral.sample

import android.Manifest
import android.app.Activity
import android.content.pm.PackageManager
import android.os.Bundle
import android.view.Gravity
import android.view.TextureView
import android.widget.FrameLayout
import android.widget.TextView
import littoral.Classification
import littoral.Littoral
import littoral.LittoralError
import littoral.Model
import littoral.android.load
import littoral.android.predict

/** Shows the camera's picture, what the model takes it for, and how long that took. */
public class CameraActivity : Activity() {
    private lateinit var preview: TextureView
    private lateinit var answer: TextView
    private var model: Model? = null
    private var camera: CameraPreview? = null

    override fun onCreate(state: Bundle?) {
        super.onCreate(state)
        preview = TextureView(this)
        answer = TextView(this).apply { textSize = TEXT_SIZE }
        val bottom = FrameLayout.LayoutParams.WRAP_CONTENT
        setContentView(
            FrameLayout(this).apply {
                addView(preview)
                addView(answer, FrameLayout.LayoutParams(bottom, bottom, Gravity.BOTTOM))
            },
        )
        requestPermissions(arrayOf(Manifest.permission.CAMERA), 0)
    }

    override fun onRequestPermissionsResult(code: Int, names: Array<String>, granted: IntArray) {
        if (granted.firstOrNull() != PackageManager.PERMISSION_GRANTED) {
            answer.text = "without the camera there is nothing to see"
            return
        }
        try {
            val loaded = Littoral.load(assets, MODEL)
            model = loaded
            camera = CameraPreview(this, preview) { bitmap -> show(loaded.predict(bitmap, top = 1)) }
        } catch (error: LittoralError) {
            answer.text = error.message
        }
    }

    override fun onDestroy() {
        camera?.close()
        model?.close()
        super.onDestroy()
    }

    private fun show(best: Classification) = runOnUiThread {
        answer.text = "%s  %.0f%%  %.1f ms".format(best.label, best.score * 100, best.milliseconds)
    }

    private companion object {
        const val MODEL = "cnn.tflite"
        const val TEXT_SIZE = 28f
    }
}
