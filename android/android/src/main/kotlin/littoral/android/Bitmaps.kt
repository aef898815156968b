package littoral.android

import android.graphics.Bitmap
import littoral.Classification
import littoral.DType
import littoral.InputError
import littoral.Model
import littoral.Tensor

/**
 * Classify a bitmap by the preprocessing and labels of the model's card: label, score, milliseconds.
 *
 * The card says how large the picture has to be and resizes it, so a bitmap of any size will do.
 *
 * @param top How many classes to return, null for all.
 * @throws littoral.InputError The bitmap is recycled or in graphics memory, or the card names no
 *     preprocessing for pictures.
 * @throws littoral.EngineError The engine failed, or the model is closed.
 */
public fun Model.predict(
    bitmap: Bitmap,
    top: Int? = null,
): Classification = predict(bitmap.toTensor() as Any, top)

/**
 * The bitmap's pixels, `uint8` `[height, width, 3]`; transparency is dropped.
 *
 * @throws littoral.InputError The bitmap is recycled, or its pixels are in graphics memory.
 */
public fun Bitmap.toTensor(): Tensor =
    picture(isRecycled, width, height, { config }) { getPixels(it, 0, width, 0, 0, width, height) }

/** Apart from Android's class, so that it can be tested without Android; [read] is `Bitmap.getPixels`. */
internal fun picture(
    isRecycled: Boolean,
    width: Int,
    height: Int,
    config: () -> Any?,
    read: (IntArray) -> Unit,
): Tensor {
    if (isRecycled) throw InputError("the bitmap is recycled: hand in one that is alive")
    try {
        return pixels(IntArray(width * height).also(read), width, height)
    } catch (error: IllegalStateException) {
        throw InputError(
            "the bitmap's config is ${config()}, whose pixels cannot be read: " +
                "copy(Bitmap.Config.ARGB_8888, false) first",
            error,
        )
    } catch (error: OutOfMemoryError) {
        throw InputError("a bitmap of $width x $height pixels does not fit into memory: scale it down first", error)
    }
}

/** Packed ARGB pixels, as `Bitmap.getPixels` gives them, to `uint8` `[height, width, 3]`. */
internal fun pixels(argb: IntArray, width: Int, height: Int): Tensor {
    val values = ByteArray(argb.size * CHANNELS)
    for (index in argb.indices) {
        val pixel = argb[index]
        values[index * CHANNELS] = (pixel shr RED).toByte()
        values[index * CHANNELS + 1] = (pixel shr GREEN).toByte()
        values[index * CHANNELS + 2] = pixel.toByte()
    }
    return Tensor.of(DType.UINT8, values, height, width, CHANNELS)
}

private const val CHANNELS = 3
private const val RED = 16
private const val GREEN = 8
