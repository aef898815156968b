package littoral

import java.math.BigInteger
import java.security.MessageDigest

/**
 * Checking Ed25519 signatures (RFC 8032, section 5.1.7).
 *
 * Android's own providers have the algorithm only from API 33 on. Nothing here is secret, so plain
 * arithmetic that takes a few milliseconds will do; signing is the Python side's work.
 */
internal object Ed25519 {
    private const val POINT_BYTES = 32
    private val TWO = BigInteger.valueOf(2)
    private val P = TWO.pow(255) - BigInteger.valueOf(19)
    private val ORDER = TWO.pow(252) + BigInteger("27742317777372353535851937790883648493")
    private val D = (-BigInteger.valueOf(121665) * BigInteger.valueOf(121666).modInverse(P)).mod(P)
    private val ROOT_OF_MINUS_ONE = TWO.modPow((P - BigInteger.ONE) / BigInteger.valueOf(4), P)
    private val BASE_Y = (BigInteger.valueOf(4) * BigInteger.valueOf(5).modInverse(P)).mod(P)
    private val BASE = checkNotNull(pointOf(BASE_Y, isOdd = false))
    private val NEUTRAL = Point(BigInteger.ZERO, BigInteger.ONE, BigInteger.ONE, BigInteger.ZERO)

    /** A point of the curve in extended coordinates: x = X / Z, y = Y / Z, T = X Y / Z. */
    private class Point(val x: BigInteger, val y: BigInteger, val z: BigInteger, val t: BigInteger) {
        operator fun plus(other: Point): Point {
            val a = ((y - x) * (other.y - other.x)).mod(P)
            val b = ((y + x) * (other.y + other.x)).mod(P)
            val c = (t * other.t * TWO * D).mod(P)
            val d = (z * other.z * TWO).mod(P)
            return Point((b - a) * (d - c), (d + c) * (b + a), (d - c) * (d + c), (b - a) * (b + a)).reduced()
        }

        operator fun unaryMinus(): Point = Point(P - x, y, z, P - t).reduced()

        fun times(scalar: BigInteger): Point {
            var result = NEUTRAL
            for (bit in scalar.bitLength() - 1 downTo 0) {
                result += result
                if (scalar.testBit(bit)) result += this
            }
            return result
        }

        /** The y coordinate, little-endian, with the lowest bit of x as its highest. */
        fun encoded(): ByteArray {
            val inverse = z.modInverse(P)
            val isOdd = (x * inverse).mod(P).testBit(0)
            val number = (y * inverse).mod(P).let { if (isOdd) it.setBit(255) else it }
            val bytes = number.toByteArray().reversedArray()
            return ByteArray(POINT_BYTES) { bytes.getOrElse(it) { 0 } }
        }

        private fun reduced(): Point = Point(x.mod(P), y.mod(P), z.mod(P), t.mod(P))
    }

    /** Whether a signature of 64 bytes was made for a message by the owner of a key of 32 bytes. */
    fun verifies(key: ByteArray, signature: ByteArray, message: ByteArray): Boolean {
        if (key.size != POINT_BYTES || signature.size != 2 * POINT_BYTES) return false
        val commitment = signature.copyOf(POINT_BYTES)
        val response = number(signature.copyOfRange(POINT_BYTES, signature.size))
        if (response >= ORDER) return false
        val y = number(key)
        val owner = pointOf(y.clearBit(255).mod(P), y.testBit(255)) ?: return false
        val hash = MessageDigest.getInstance("SHA-512")
        listOf(commitment, key, message).forEach(hash::update)
        val challenge = number(hash.digest()).mod(ORDER)
        val sum = BASE.times(response) + (-owner).times(challenge)
        return sum.encoded().contentEquals(commitment)
    }

    private fun number(bytes: ByteArray): BigInteger = BigInteger(1, bytes.reversedArray())

    /** The point with a y coordinate, null where the curve has none. */
    private fun pointOf(y: BigInteger, isOdd: Boolean): Point? {
        val square = ((y * y - BigInteger.ONE) * (D * y * y + BigInteger.ONE).modInverse(P)).mod(P)
        var x = square.modPow((P + BigInteger.valueOf(3)) / BigInteger.valueOf(8), P)
        if ((x * x).mod(P) != square) x = (x * ROOT_OF_MINUS_ONE).mod(P)
        if ((x * x).mod(P) != square || (x.signum() == 0 && isOdd)) return null
        if (x.testBit(0) != isOdd) x = P - x
        return Point(x, y, BigInteger.ONE, (x * y).mod(P))
    }
}
