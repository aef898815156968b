package littoral

import java.util.ServiceLoader

/**
 * Turns an encoded picture (JPEG, PNG, ...) into pixels with what the platform has. The Android
 * module brings one; it is found by its entry in `META-INF/services/littoral.PictureDecoder`.
 */
public interface PictureDecoder {
    /**
     * @param encoded The whole picture file.
     * @return `uint8` `[height, width, 1 or 3]`, turned the way the picture's EXIF note says; null
     *     for bytes that are no picture.
     */
    public fun decode(encoded: ByteArray): Tensor?

    public companion object {
        private val found: PictureDecoder? by lazy {
            ServiceLoader.load(PictureDecoder::class.java, PictureDecoder::class.java.classLoader)
                .firstOrNull()
        }

        /** Decode with the platform's decoder. */
        internal fun decode(encoded: ByteArray, name: String): Tensor {
            val decoder = found ?: throw EngineNotInstalled(
                "reading a picture needs a PictureDecoder: use littoral-android, or hand in pixels",
            )
            return decoder.decode(encoded) ?: throw InputError("$name is no picture that can be read")
        }
    }
}
