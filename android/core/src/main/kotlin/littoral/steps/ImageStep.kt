package littoral.steps

import littoral.DType
import littoral.InputError
import littoral.PictureDecoder
import littoral.Tensor
import littoral.kind

/**
 * A picture to the array that a model looks at, in this order: decode, crop or pad, resize, colours,
 * normalise, layout, dtype.
 */
internal object ImageStep {
    private const val MOST = 1 shl 14
    private const val MOST_PADDED = 1L shl 27
    private val GREY = floatArrayOf(0.299f, 0.587f, 0.114f)

    private class Settings(fields: Fields) {
        val height = fields.read("height", Checks.whole(1, MOST))
        val width = fields.read("width", Checks.whole(1, MOST))
        val channels = fields.read("channels", Checks.oneOf("1", "3")).toInt()
        val fit = fields.read("fit", "stretch", Checks.oneOf("stretch", "crop", "pad"))
        val shorterSide = fields.read("shorter_side", null, Checks.optional(Checks.whole(1, MOST)))
        val fill = fields.read("fill", 0.0, Checks.number).toFloat()
        val filter = fields.read("filter", "bilinear", Checks.oneOf(*Resizing.FILTERS))
        val antialias = fields.read("antialias", false, Checks.flag)
        val order = fields.read("order", "rgb", Checks.oneOf("rgb", "bgr"))
        val scale = fields.read("scale", 1.0, Checks.number).toFloat()
        val mean = fields.read("mean", listOf(0.0), Checks.numbers)
        val std = fields.read("std", listOf(1.0), Checks.divisors)
        val layout = fields.read("layout", "channels_last", Checks.oneOf("channels_last", "channels_first"))
        val dtype = fields.read("dtype", "float32", Checks.oneOf("float32", "uint8"))

        init {
            for ((name, given) in listOf("mean" to mean, "std" to std)) {
                fields.demand(given.size == 1 || given.size == channels) {
                    "$name needs one number, or one for each channel"
                }
            }
            fields.demand(shorterSide == null || fit == "crop") { "shorter_side needs fit crop" }
            fields.demand(shorterSide == null || shorterSide >= maxOf(height, width)) {
                "shorter_side is less than height or width"
            }
        }
    }

    fun prepare(fields: Fields): (Any) -> Tensor {
        val optional = "fit shorter_side fill filter antialias order scale mean std layout dtype"
        val settings = Settings(fields.expect(listOf("height", "width", "channels"), optional.split(' ')))
        return { raw -> picture(settings, raw) }
    }

    private fun picture(settings: Settings, raw: Any): Tensor {
        val fitted = fitted(settings, pixels(raw as? Tensor ?: decoded(raw)))
        val pixels = coloured(settings, fitted)
        normalise(settings, pixels)
        val values = if (settings.layout == "channels_first") planes(pixels) else pixels.values
        val shape = listOf(pixels.height, pixels.width, pixels.channels)
        val ordered = if (settings.layout ==
            "channels_first"
        )
            shape.takeLast(1) + shape.dropLast(1)
        else
            shape
        if (settings.dtype == "float32") return Tensor.of(values, ordered)
        val rounded =
            ByteArray(values.size) { Math.rint(values[it].toDouble()).coerceIn(0.0, 255.0).toInt().toByte() }
        return Tensor.of(DType.UINT8, rounded, *ordered.toIntArray())
    }

    private fun decoded(raw: Any): Tensor {
        val encoded = bytesOf(raw)
            ?: throw InputError("expected a picture's path, bytes or pixels, came ${kind(raw)}")
        return PictureDecoder.decode(encoded, nameOf(raw, "the picture"))
    }

    private fun pixels(array: Tensor): Pixels {
        if (array.dtype.isText || array.shape.size !in 2..3 || array.size == 0) {
            throw InputError(
                "expected pixels [height, width] or [height, width, channels], " +
                    "came ${array.dtype} ${array.shape}",
            )
        }
        val channels = array.shape.getOrElse(2) { 1 }
        if (channels !in listOf(1, 3, 4)) {
            throw InputError("expected 1, 3 or 4 channels last, came ${array.shape}")
        }
        val kept = minOf(channels, 3)
        val values = FloatArray(array.shape[0] * array.shape[1] * kept) { at ->
            array.doubleAt(at / kept * channels + at % kept).toFloat()
        }
        return Pixels(array.shape[0], array.shape[1], kept, values)
    }

    /** The picture at the wanted size. */
    private fun fitted(settings: Settings, pixels: Pixels): Pixels {
        val (height, width) = settings.height to settings.width
        val (rows, columns) = pixels.height to pixels.width
        settings.shorterSide?.let { shorter ->
            val (tall, wide) = if (rows <=
                columns
            )
                shorter to shorter * columns / rows
            else
                shorter * rows / columns to shorter
            return middle(resized(settings, pixels, tall, wide), height, width) { Math.rint(it) }
        }
        // The other side that the wanted shape has for each of the picture's sides.
        val fittingRows = columns * height / width
        val fittingColumns = rows * width / height
        val shaped = when (settings.fit) {
            "crop" -> middle(
                pixels,
                maxOf(1, minOf(rows, fittingRows)),
                maxOf(1, minOf(columns, fittingColumns)),
            ) { Math.floor(it) }
            "pad" -> padded(pixels, maxOf(rows, fittingRows), maxOf(columns, fittingColumns), settings.fill)
            else -> pixels
        }
        return resized(settings, shaped, height, width)
    }

    private fun resized(settings: Settings, pixels: Pixels, height: Int, width: Int): Pixels =
        if (pixels.height == height && pixels.width == width) {
            pixels
        } else {
            Resizing.resize(pixels, height, width, settings.filter, settings.antialias)
        }

    /** The centred part; [toWhole] says where half a pixel goes. */
    private fun middle(pixels: Pixels, height: Int, width: Int, toWhole: (Double) -> Double): Pixels {
        val top = toWhole((pixels.height - height) / 2.0).toInt()
        val left = toWhole((pixels.width - width) / 2.0).toInt()
        return placed(pixels, height, width, -top, -left, 0f)
    }

    /** As much on either side, so an odd rest makes the result a pixel smaller than asked for. */
    private fun padded(pixels: Pixels, height: Int, width: Int, fill: Float): Pixels {
        val top = (height - pixels.height) / 2
        val left = (width - pixels.width) / 2
        if (top == 0 && left == 0) return pixels
        if (height.toLong() * width > MOST_PADDED) {
            throw InputError(
                "a picture of ${pixels.height} x ${pixels.width} is too long and narrow to be padded",
            )
        }
        return placed(pixels, pixels.height + 2 * top, pixels.width + 2 * left, top, left, fill)
    }

    /** The picture moved by so many rows and columns into a frame of another size. */
    private fun placed(pixels: Pixels, height: Int, width: Int, top: Int, left: Int, fill: Float): Pixels {
        val channels = pixels.channels
        val values = FloatArray(height * width * channels) { fill }
        val from = maxOf(0, left)
        val to = minOf(width, left + pixels.width)
        for (row in maxOf(0, top) until minOf(height, top + pixels.height)) {
            val source = ((row - top) * pixels.width + from - left) * channels
            val target = (row * width + from) * channels
            pixels.values.copyInto(values, target, source, source + (to - from) * channels)
        }
        return Pixels(height, width, channels, values)
    }

    private fun coloured(settings: Settings, pixels: Pixels): Pixels {
        val have = pixels.channels
        val values = pixels.values
        val converted = when {
            have == 3 && settings.channels == 1 -> FloatArray(values.size / 3) { at ->
                GREY[0] * values[3 * at] + GREY[1] * values[3 * at + 1] + GREY[2] * values[3 * at + 2]
            }
            have == 1 && settings.channels == 3 -> FloatArray(values.size * 3) { values[it / 3] }
            settings.order == "bgr" && have == 3 -> FloatArray(values.size) { values[it + 2 - 2 * (it % 3)] }
            else -> values.copyOf()
        }
        return Pixels(pixels.height, pixels.width, settings.channels, converted)
    }

    private fun normalise(settings: Settings, pixels: Pixels) {
        val mean = FloatArray(settings.mean.size) { settings.mean[it].toFloat() }
        val std = FloatArray(settings.std.size) { settings.std[it].toFloat() }
        val values = pixels.values
        for (at in values.indices) {
            val channel = at % pixels.channels
            val centred = values[at] * settings.scale - mean[if (mean.size == 1) 0 else channel]
            values[at] = centred / std[if (std.size == 1) 0 else channel]
        }
    }

    private fun planes(pixels: Pixels): FloatArray {
        val size = pixels.height * pixels.width
        return FloatArray(pixels.values.size) { pixels.values[it % size * pixels.channels + it / size] }
    }
}
