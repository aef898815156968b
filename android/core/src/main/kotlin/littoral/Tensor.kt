package littoral

import java.nio.ByteBuffer
import java.nio.ByteOrder

/**
 * Numbers (or text) with a shape, row-major: what goes into a model and comes out of it.
 *
 * Tensors are values: what [Model.run] returns is a copy that belongs to the caller. This is no
 * array library; it knows nothing but its shape, its type and its values.
 *
 * @property dtype The type of the values.
 * @property shape Sizes of the axes; empty for a single number.
 */
public class Tensor private constructor(
    public val dtype: DType,
    public val shape: List<Int>,
    private val values: Any,
) {
    /** Number of values. */
    public val size: Int get() = java.lang.reflect.Array.getLength(values)

    /** The values of a `float32` tensor, without a copy; those of another numeric type converted. */
    public val floats: FloatArray
        get() = values as? FloatArray ?: FloatArray(size) { doubleAt(it).toFloat() }

    /** The values of an `int32` or `uint32` tensor, without a copy. */
    public val ints: IntArray get() = values as? IntArray ?: mistaken("ints")

    /** The values of an `int64` or `uint64` tensor, without a copy. */
    public val longs: LongArray get() = values as? LongArray ?: mistaken("longs")

    /** The values of an `int8`, `uint8` or `bool` tensor, without a copy. */
    public val bytes: ByteArray get() = values as? ByteArray ?: mistaken("bytes")

    /** The values of an `int16`, `uint16` or (as bits) `float16` tensor, without a copy. */
    public val shorts: ShortArray get() = values as? ShortArray ?: mistaken("shorts")

    /** The values of a `float64` tensor, without a copy. */
    public val doubles: DoubleArray get() = values as? DoubleArray ?: mistaken("doubles")

    /** The values of a text tensor, without a copy. */
    @Suppress("UNCHECKED_CAST")
    public val texts: Array<String> get() = values as? Array<String> ?: mistaken("texts")

    /** The value at a place of the row-major order, whatever the type; NaN for text. */
    public fun doubleAt(index: Int): Double = when {
        values is FloatArray -> values[index].toDouble()
        values is DoubleArray -> values[index]
        values is ShortArray && dtype.isFloat -> halfToFloat(values[index]).toDouble()
        dtype.isText -> Double.NaN
        else -> longAt(index).toDouble()
    }

    /** The value at a place of the row-major order of a whole-number or boolean tensor. */
    public fun longAt(index: Int): Long = when {
        values is ByteArray -> values[index].toLong() and (if (dtype == DType.INT8) -1 else 0xff)
        values is ShortArray && !dtype.isFloat ->
            values[index].toLong() and (if (dtype == DType.INT16) -1 else 0xffff)
        values is IntArray -> values[index].toLong() and (if (dtype == DType.INT32) -1 else 0xffffffffL)
        values is LongArray -> values[index]
        else -> doubleAt(index).toLong()
    }

    /** The same values under another shape of as many. */
    public fun reshape(vararg shape: Int): Tensor = reshape(shape.asList())

    /** The same values under another shape of as many. */
    public fun reshape(shape: List<Int>): Tensor = checked(dtype, shape, values)

    /** Rows [from] until [to] of the first axis, copied. */
    public fun rows(from: Int, to: Int): Tensor {
        if (shape.isEmpty() || from < 0 || to < from || to > shape[0]) {
            throw InputError("a tensor of shape $shape has no rows $from until $to")
        }
        val stride = if (shape[0] == 0) 0 else size / shape[0]
        val copy = blank((to - from) * stride)
        System.arraycopy(values, from * stride, copy, 0, (to - from) * stride)
        return Tensor(dtype, listOf(to - from) + shape.drop(1), copy)
    }

    /** Copy the values into a buffer, from its position on, in the buffer's byte order. */
    public fun write(buffer: ByteBuffer) {
        when (val array = values) {
            is FloatArray -> buffer.asFloatBuffer().put(array)
            is ByteArray -> buffer.duplicate().put(array)
            is IntArray -> buffer.asIntBuffer().put(array)
            is LongArray -> buffer.asLongBuffer().put(array)
            is ShortArray -> buffer.asShortBuffer().put(array)
            is DoubleArray -> buffer.asDoubleBuffer().put(array)
            else -> mistaken("numbers")
        }
    }

    override fun equals(other: Any?): Boolean = other is Tensor && dtype == other.dtype &&
        shape == other.shape && arrayOf(values).contentDeepEquals(arrayOf(other.values))

    override fun hashCode(): Int = 31 * shape.hashCode() + arrayOf(values).contentDeepHashCode()

    override fun toString(): String = "Tensor($dtype, $shape)"

    private fun blank(count: Int): Any =
        java.lang.reflect.Array.newInstance(values.javaClass.componentType!!, count)

    private fun mistaken(wanted: String): Nothing =
        throw InputError("a tensor of $dtype has no $wanted: its shape is $shape")

    /** Ways to make one. */
    public companion object {
        /** A `float32` tensor. Without a shape it has one axis. */
        public fun of(values: FloatArray, vararg shape: Int): Tensor =
            of(values, shapeOf(shape, values.size))

        /** A `float32` tensor. */
        public fun of(values: FloatArray, shape: List<Int>): Tensor =
            checked(DType.FLOAT32, shape, values)

        /** A `float64` tensor. Without a shape it has one axis. */
        public fun of(values: DoubleArray, vararg shape: Int): Tensor =
            checked(DType.FLOAT64, shapeOf(shape, values.size), values)

        /** An `int32` tensor. Without a shape it has one axis. */
        public fun of(values: IntArray, vararg shape: Int): Tensor =
            checked(DType.INT32, shapeOf(shape, values.size), values)

        /** An `int64` tensor. Without a shape it has one axis. */
        public fun of(values: LongArray, vararg shape: Int): Tensor =
            checked(DType.INT64, shapeOf(shape, values.size), values)

        /** A boolean tensor. Without a shape it has one axis. */
        public fun of(values: BooleanArray, vararg shape: Int): Tensor {
            val bytes = ByteArray(values.size) { if (values[it]) 1 else 0 }
            return checked(DType.BOOL, shapeOf(shape, values.size), bytes)
        }

        /** A text tensor. Without a shape it has one axis. */
        public fun of(values: Array<String>, vararg shape: Int): Tensor =
            checked(DType.TEXT, shapeOf(shape, values.size), values)

        /** An `int8`, `uint8` or `bool` tensor. Without a shape it has one axis. */
        public fun of(dtype: DType, values: ByteArray, vararg shape: Int): Tensor =
            checked(dtype, shapeOf(shape, values.size), values)

        /** An `int16`, `uint16` or (from its bits) `float16` tensor. Without a shape: one axis. */
        public fun of(dtype: DType, values: ShortArray, vararg shape: Int): Tensor =
            checked(dtype, shapeOf(shape, values.size), values)

        /** A tensor of any numeric type from the bytes of a buffer, from its position on. */
        public fun read(dtype: DType, shape: List<Int>, buffer: ByteBuffer): Tensor {
            val count = countOf(shape)
            if (count.toLong() * dtype.size > buffer.remaining()) {
                throw InputError("${buffer.remaining()} bytes do not fill a tensor of $dtype and shape $shape")
            }
            val values = blank(dtype, count)
            when (values) {
                is FloatArray -> buffer.asFloatBuffer().get(values)
                is DoubleArray -> buffer.asDoubleBuffer().get(values)
                is ByteArray -> buffer.duplicate().get(values)
                is ShortArray -> buffer.asShortBuffer().get(values)
                is IntArray -> buffer.asIntBuffer().get(values)
                is LongArray -> buffer.asLongBuffer().get(values)
                else -> throw InputError("text has no fixed size in a buffer")
            }
            return Tensor(dtype, shape, values)
        }

        /** A tensor of any numeric type from little-endian bytes. */
        public fun read(dtype: DType, shape: List<Int>, bytes: ByteArray): Tensor =
            read(dtype, shape, ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN))

        /**
         * Zeros (empty texts) of any type.
         *
         * @throws InputError A size is negative, or there is no memory for so many values.
         */
        public fun zeros(dtype: DType, shape: List<Int>): Tensor {
            val count = countOf(shape)
            try {
                return Tensor(dtype, shape, blank(dtype, count))
            } catch (error: OutOfMemoryError) {
                throw InputError("a tensor of $dtype and shape $shape does not fit into memory", error)
            }
        }

        private fun blank(dtype: DType, count: Int): Any = when {
            dtype == DType.FLOAT32 -> FloatArray(count)
            dtype == DType.FLOAT64 -> DoubleArray(count)
            dtype.isText -> Array(count) { "" }
            dtype.size == 1 -> ByteArray(count)
            dtype.size == 2 -> ShortArray(count)
            dtype.size == 4 -> IntArray(count)
            else -> LongArray(count)
        }

        /** How many values a shape holds; refused where no array holds so many. */
        private fun countOf(shape: List<Int>): Int {
            if (shape.any { it < 0 }) throw InputError("shape $shape has a negative size")
            if (0 in shape) return 0
            var count = 1L
            for (size in shape) {
                count *= size
                if (count > Int.MAX_VALUE) {
                    throw InputError("shape $shape holds more values than one tensor can, ${Int.MAX_VALUE}")
                }
            }
            return count.toInt()
        }

        /** Whole numbers, cut to the width of a type. */
        internal fun whole(dtype: DType, shape: List<Int>, values: LongArray): Tensor {
            val cut: Any = when (dtype.size) {
                1 -> ByteArray(values.size) { values[it].toByte() }
                2 -> ShortArray(values.size) { values[it].toShort() }
                4 -> IntArray(values.size) { values[it].toInt() }
                else -> values
            }
            return Tensor(dtype, shape, cut)
        }

        /** Real numbers, rounded to a floating-point type. */
        internal fun real(dtype: DType, shape: List<Int>, values: DoubleArray): Tensor {
            val rounded: Any = when {
                dtype == DType.FLOAT64 -> values
                dtype == DType.FLOAT16 -> ShortArray(values.size) { floatToHalf(values[it].toFloat()) }
                else -> FloatArray(values.size) { values[it].toFloat() }
            }
            return Tensor(if (dtype.isFloat) dtype else DType.FLOAT32, shape, rounded)
        }

        /** Tensors of one type and equal sizes but for the first axis, one behind the other. */
        internal fun concatenated(pieces: List<Tensor>): Tensor {
            val first = pieces[0]
            val whole = first.blank(pieces.sumOf { it.size })
            var at = 0
            for (piece in pieces) {
                System.arraycopy(piece.values, 0, whole, at, piece.size)
                at += piece.size
            }
            val rows = pieces.sumOf { it.shape[0] }
            return Tensor(first.dtype, listOf(rows) + first.shape.drop(1), whole)
        }

        private fun shapeOf(shape: IntArray, count: Int): List<Int> =
            if (shape.isEmpty()) listOf(count) else shape.toList()

        private fun checked(dtype: DType, shape: List<Int>, values: Any): Tensor {
            val count = java.lang.reflect.Array.getLength(values)
            if (shape.any { it < 0 } || shape.fold(1L) { all, size -> all * size } != count.toLong()) {
                throw InputError("$count values do not fill a tensor of shape $shape")
            }
            return Tensor(dtype, shape, values)
        }
    }
}
