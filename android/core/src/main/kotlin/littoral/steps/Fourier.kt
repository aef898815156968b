package littoral.steps

import kotlin.math.PI
import kotlin.math.cos
import kotlin.math.sin

/**
 * The power spectrum of real frames of one length, with the tables made once.
 *
 * Lengths that are a power of two take the fast transform (Cooley and Tukey, 1965), others the plain
 * sum: preprocessing has hundreds of samples a frame, not millions.
 */
internal class Fourier(private val length: Int) {
    private val cosines = DoubleArray(length) { cos(2 * PI * it / length) }
    private val sines = DoubleArray(length) { sin(2 * PI * it / length) }
    private val isPowerOfTwo = length and (length - 1) == 0

    /** `|X[k]|^2` of a frame, zeros put behind a shorter one, for k from 0 to half the length. */
    fun power(signal: DoubleArray): DoubleArray {
        val frame = if (signal.size == length) signal else signal.copyOf(length)
        val real = DoubleArray(length)
        val imaginary = DoubleArray(length)
        if (isPowerOfTwo) fast(frame, real, imaginary) else plain(frame, real, imaginary)
        return DoubleArray(length / 2 + 1) { real[it] * real[it] + imaginary[it] * imaginary[it] }
    }

    private fun plain(frame: DoubleArray, real: DoubleArray, imaginary: DoubleArray) {
        for (k in 0..length / 2) {
            var phase = 0
            for (n in 0 until length) {
                real[k] += frame[n] * cosines[phase]
                imaginary[k] -= frame[n] * sines[phase]
                phase = (phase + k) % length
            }
        }
    }

    private fun fast(frame: DoubleArray, real: DoubleArray, imaginary: DoubleArray) {
        val bits = Integer.numberOfTrailingZeros(length)
        for (n in 0 until length) {
            real[if (bits == 0) 0 else Integer.reverse(n) ushr (Int.SIZE_BITS - bits)] = frame[n]
        }
        var size = 2
        while (size <= length) {
            for (start in 0 until length step size) butterflies(real, imaginary, start, size)
            size *= 2
        }
    }

    private fun butterflies(real: DoubleArray, imaginary: DoubleArray, start: Int, size: Int) {
        val half = size / 2
        for (k in 0 until half) {
            val table = k * (length / size)
            val low = start + k
            val high = low + half
            val turnedReal = real[high] * cosines[table] + imaginary[high] * sines[table]
            val turnedImaginary = imaginary[high] * cosines[table] - real[high] * sines[table]
            real[high] = real[low] - turnedReal
            imaginary[high] = imaginary[low] - turnedImaginary
            real[low] += turnedReal
            imaginary[low] += turnedImaginary
        }
    }
}
