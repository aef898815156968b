package littoral.android

import android.content.res.AssetManager
import littoral.InputError
import littoral.Littoral
import littoral.LoadOptions
import littoral.Model
import java.io.FileNotFoundException
import java.io.IOException

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
): Model {
    val stream = try {
        assets.open(name, AssetManager.ACCESS_STREAMING)
    } catch (error: FileNotFoundException) {
        throw InputError("asset $name: no such file", error)
    } catch (error: IOException) {
        throw InputError("asset $name cannot be read: ${error.message}", error)
    }
    return stream.use { load(it, name, options) }
}
