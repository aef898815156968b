package littoral.android

import android.content.res.AssetManager
import littoral.InputError
import littoral.Littoral
import littoral.LoadOptions
import littoral.Model
import java.io.FileNotFoundException
import java.io.IOException
import java.io.InputStream

/**
 * Load a model out of the app's assets; as [Littoral.load] with a path.
 *
 * ```
 * val model = Littoral.load(context.assets, "cnn.tflite")
 * ```
 *
 * A model in the assets need not be stored uncompressed: it is read once, into memory.
 *
 * @param name The asset's name, for example `"models/cnn.tflite"`.
 * @throws littoral.InputError No such asset.
 */
public fun Littoral.load(
    assets: AssetManager,
    name: String,
    options: LoadOptions = LoadOptions(),
): Model = asset(name, options) { assets.open(name, AssetManager.ACCESS_STREAMING) }

/** Apart from Android's class, so that it can be tested without Android. */
internal fun asset(name: String, options: LoadOptions, open: () -> InputStream): Model {
    val stream = try {
        open()
    } catch (error: FileNotFoundException) {
        throw InputError("asset $name: no such file", error)
    } catch (error: IOException) {
        throw InputError("asset $name cannot be read: ${error.message}", error)
    }
    return stream.use { Littoral.load(it, name, options) }
}
