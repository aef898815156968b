package littoral

// IEEE 754 binary16: 1 sign bit, 5 exponent bits (bias 15), 10 fraction bits. android.util.Half
// does this, but the JVM has it only from Java 20 on.

private const val SIGN = 0x8000
private const val FRACTION_BITS = 10
private const val FRACTION = 0x3ff
private const val LARGEST_EXPONENT = 0x1f
private const val BIAS_DIFFERENCE = 127 - 15
private const val DROPPED_BITS = 23 - FRACTION_BITS
private const val SUBNORMAL_UNIT = 1f / (1 shl 24)

/** The number that 16 bits mean. */
internal fun halfToFloat(half: Short): Float {
    val bits = half.toInt()
    val exponent = (bits shr FRACTION_BITS) and LARGEST_EXPONENT
    val fraction = bits and FRACTION
    val magnitude = when (exponent) {
        0 -> fraction * SUBNORMAL_UNIT
        LARGEST_EXPONENT -> if (fraction == 0) Float.POSITIVE_INFINITY else Float.NaN
        else -> Float.fromBits(((exponent + BIAS_DIFFERENCE) shl 23) or (fraction shl DROPPED_BITS))
    }
    return if (bits and SIGN != 0) -magnitude else magnitude
}

/** The nearest 16-bit number, ties to even. */
internal fun floatToHalf(value: Float): Short {
    val bits = value.toRawBits()
    val sign = (bits ushr 16) and SIGN
    val magnitude = Float.fromBits(bits and Int.MAX_VALUE)
    val half = when {
        magnitude.isNaN() -> (LARGEST_EXPONENT shl FRACTION_BITS) or 1
        magnitude >= 65520f -> LARGEST_EXPONENT shl FRACTION_BITS
        magnitude < 1f / (1 shl 14) -> Math.rint((magnitude / SUBNORMAL_UNIT).toDouble()).toInt()
        else -> {
            val raw = magnitude.toRawBits() - (BIAS_DIFFERENCE shl 23)
            val odd = (raw ushr DROPPED_BITS) and 1
            (raw + (1 shl (DROPPED_BITS - 1)) - 1 + odd) ushr DROPPED_BITS
        }
    }
    return (sign or half).toShort()
}
