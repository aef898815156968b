package somebody.app

import android.content.Context
import android.graphics.Bitmap
import littoral.EngineNotInstalled
import littoral.InputError
import littoral.Littoral
import littoral.LoadOptions
import littoral.Pool
import littoral.PublicKey
import littoral.Tensor
import littoral.android.await
import littoral.android.load
import littoral.android.predict

fun classify(context: Context, bitmap: Bitmap): String {
    val model = Littoral.load(context.assets, "cnn.tflite")
    val result = model.predict(bitmap)
    return "${result.label} ${result.score} ${result.milliseconds} ms"
}

fun listen(context: Context, samples: FloatArray): FloatArray {
    val options =
        LoadOptions(threads = 2, trust = listOf(PublicKey.of("A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg=")))
    return Littoral.load(context.assets, "gru.step.onnx", options).use { model ->
        model.stream().use { s -> s.step(samples) }
    }
}

suspend fun inTheBackground(context: Context, x: Tensor): Tensor? = try {
    Pool(Littoral.load(context.assets, "mlp.onnx"), size = 2).use { it.await(x) }
} catch (error: InputError) {
    println(error.message)
    null
} catch (error: EngineNotInstalled) {
    println(error.message)
    null
}
