package littoral.android

import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.Matrix
import android.media.ExifInterface
import littoral.PictureDecoder
import littoral.Tensor
import java.io.ByteArrayInputStream
import java.io.IOException

/** Decodes what `BitmapFactory` decodes. Found through `META-INF/services`. */
public class BitmapDecoder : PictureDecoder {
    override fun decode(encoded: ByteArray): Tensor? {
        val decoded = BitmapFactory.decodeByteArray(encoded, 0, encoded.size) ?: return null
        val matrix = upright(orientation(encoded)) ?: return decoded.toTensor()
        val turned = Bitmap.createBitmap(decoded, 0, 0, decoded.width, decoded.height, matrix, false)
        return turned.toTensor()
    }

    private fun orientation(encoded: ByteArray): Int = try {
        ExifInterface(ByteArrayInputStream(encoded))
            .getAttributeInt(ExifInterface.TAG_ORIENTATION, ExifInterface.ORIENTATION_NORMAL)
    } catch (_: IOException) {
        ExifInterface.ORIENTATION_NORMAL
    }

    /** What turns a picture upright, null when it is. */
    private fun upright(orientation: Int): Matrix? {
        val (degrees, isMirrored) = TURNS[orientation] ?: return null
        return Matrix().apply {
            setRotate(degrees)
            if (isMirrored) postScale(-1f, 1f)
        }
    }

    private companion object {
        /** Degrees clockwise, then whether left and right are exchanged. */
        val TURNS = mapOf(
            ExifInterface.ORIENTATION_FLIP_HORIZONTAL to (0f to true),
            ExifInterface.ORIENTATION_ROTATE_180 to (180f to false),
            ExifInterface.ORIENTATION_FLIP_VERTICAL to (180f to true),
            ExifInterface.ORIENTATION_TRANSPOSE to (90f to true),
            ExifInterface.ORIENTATION_ROTATE_90 to (90f to false),
            ExifInterface.ORIENTATION_TRANSVERSE to (270f to true),
            ExifInterface.ORIENTATION_ROTATE_270 to (270f to false),
        )
    }
}
