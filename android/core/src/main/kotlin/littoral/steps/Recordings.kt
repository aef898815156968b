package littoral.steps

import littoral.DType
import littoral.InputError
import littoral.Recording
import littoral.Tensor
import littoral.kind
import java.nio.ByteBuffer
import java.nio.ByteOrder

/** Recordings: .wav files, samples in memory. */
internal object Recordings {
    private const val PCM = 1
    private const val FLOAT = 3
    private const val EXTENSIBLE = 0xfffe
    private const val SUBFORMAT = 24
    private const val HEADER = 16
    private const val LARGEST_RATE = 1 shl 24

    /** One channel at the wanted rate, from whatever a person has. */
    fun signal(raw: Any, rate: Int): DoubleArray {
        val (from, samples) = own(raw, rate)
        return Resampling.resample(samples, from, rate)
    }

    /** The recording's own rate, and its samples from -1 to 1, one channel. */
    private fun own(raw: Any, rate: Int): Pair<Int, DoubleArray> = when (raw) {
        is Recording -> {
            if (raw.rate !in 1..LARGEST_RATE) {
                throw InputError("expected a sample rate in Hz in front of the samples, came ${raw.rate}")
            }
            raw.rate to toDoubles(raw.samples)
        }
        is Tensor -> rate to toDoubles(raw)
        is FloatArray -> rate to toDoubles(Tensor.of(raw))
        else -> read(
            bytesOf(raw) ?: throw InputError(
                "expected a recording's path or bytes, samples, or a Recording, came ${kind(raw)}",
            ),
            nameOf(raw, "the recording"),
        )
    }

    private fun toDoubles(samples: Tensor): DoubleArray {
        val isWrong = samples.dtype.isText || samples.dtype == DType.BOOL
        if (isWrong || samples.shape.size !in 1..2 || samples.size == 0) {
            throw InputError(
                "expected samples [n] or [n, channels], came ${samples.dtype} ${samples.shape}",
            )
        }
        val half = if (samples.dtype.isFloat) 1.0 else Math.scalb(1.0, 8 * samples.dtype.size - 1)
        val middle = if (samples.dtype.label.startsWith("u")) half else 0.0
        val values = DoubleArray(samples.size) { (samples.doubleAt(it) - middle) / half }
        if (!values.all { it.isFinite() }) {
            throw InputError("the recording has samples that are NaN or infinite")
        }
        return averaged(values, samples.shape.getOrElse(1) { 1 })
    }

    private fun read(content: ByteArray, name: String): Pair<Int, DoubleArray> {
        if (content.size < 12 || tag(content, 0) != "RIFF" || tag(content, 8) != "WAVE") {
            throw InputError("$name is no .wav recording: decode it, and hand in a Recording")
        }
        val chunks = chunks(content)
        val head = chunks["fmt "]?.takeIf { it.remaining() >= HEADER }
        val data = chunks["data"]
        if (head == null || data == null) {
            throw InputError("$name is no whole .wav recording: its header or its data is missing")
        }
        val channels = unsigned(head, 2)
        val rate = head.getInt(4)
        if (channels == 0 || rate !in 1..LARGEST_RATE) {
            val hertz = rate.toLong() and 0xffffffffL
            throw InputError("$name is no .wav recording: $channels channels at $hertz Hz")
        }
        val code = unsigned(head, 0).let {
            if (it == EXTENSIBLE &&
                head.remaining() > SUBFORMAT + 1
            )
                unsigned(head, SUBFORMAT)
            else
                it
        }
        val values = decoded(name, code, unsigned(head, 14), data)
        if (values.size < channels) throw InputError("$name holds no samples")
        if (!values.all { it.isFinite() }) {
            throw InputError("$name has samples that are NaN or infinite")
        }
        return rate to averaged(values, channels)
    }

    /** Four letters, a size, and as many bytes, padded to an even number; up to the data. */
    private fun chunks(content: ByteArray): Map<String, ByteBuffer> {
        val whole = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN)
        val found = HashMap<String, ByteBuffer>()
        var place = 12L
        while (place + 8 <= content.size && "data" !in found) {
            val at = place.toInt()
            val size = whole.getInt(at + 4).toLong() and 0xffffffffL
            val end = minOf(place + 8 + size, content.size.toLong()).toInt()
            val kind = tag(content, at)
            if (kind !in found) {
                found[kind] =
                    ByteBuffer.wrap(content, at + 8, end - at - 8).slice().order(ByteOrder.LITTLE_ENDIAN)
            }
            place += 8 + size + size % 2
        }
        return found
    }

    private fun decoded(name: String, code: Int, bits: Int, data: ByteBuffer): DoubleArray {
        val width = bits / 8
        val count = if (width == 0) 0 else data.remaining() / width
        return when {
            code == FLOAT && bits == 32 -> DoubleArray(count) { data.getFloat(4 * it).toDouble() }
            code == FLOAT && bits == 64 -> DoubleArray(count) { data.getDouble(8 * it) }
            code == PCM && bits == 8 -> DoubleArray(count) { ((data.get(it).toInt() and 0xff) - 128) / 128.0 }
            code == PCM && bits in listOf(16, 24, 32) -> {
                val full = Math.scalb(1.0, bits - 1)
                DoubleArray(count) { integer(data, it * width, width) / full }
            }
            else -> throw InputError(
                "$name holds .wav samples of kind $code with $bits bits: write it as integers of 8, " +
                    "16, 24 or 32 bits or as floats",
            )
        }
    }

    private fun integer(data: ByteBuffer, at: Int, width: Int): Int {
        var number = data.get(at + width - 1).toInt()
        for (k in width - 2 downTo 0) number = (number shl 8) or (data.get(at + k).toInt() and 0xff)
        return number
    }

    private fun unsigned(buffer: ByteBuffer, at: Int): Int = buffer.getShort(at).toInt() and 0xffff

    private fun tag(content: ByteArray, at: Int): String = String(content, at, 4, Charsets.ISO_8859_1)

    private fun averaged(values: DoubleArray, channels: Int): DoubleArray {
        if (channels == 1) return values
        return DoubleArray(values.size / channels) { row ->
            (0 until channels).sumOf { values[row * channels + it] } / channels
        }
    }
}
