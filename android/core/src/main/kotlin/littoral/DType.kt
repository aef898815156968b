package littoral

/**
 * The type of a tensor's elements, by the name that NumPy and the card give it.
 *
 * @property label The name, for example `"float32"`.
 * @property size Bytes of one element; 0 for text.
 */
public enum class DType(public val label: String, public val size: Int) {
    FLOAT32("float32", 4),
    FLOAT64("float64", 8),
    FLOAT16("float16", 2),
    INT8("int8", 1),
    UINT8("uint8", 1),
    INT16("int16", 2),
    UINT16("uint16", 2),
    INT32("int32", 4),
    UINT32("uint32", 4),
    INT64("int64", 8),
    UINT64("uint64", 8),
    BOOL("bool", 1),
    TEXT("str", 0),
    ;

    /** True for the floating-point types. */
    public val isFloat: Boolean get() = this == FLOAT32 || this == FLOAT64 || this == FLOAT16

    /** True for text. */
    public val isText: Boolean get() = this == TEXT

    /** The least value of a whole-number type; that of `int64` for `uint64` too wide for a Long. */
    public val least: Long
        get() = when (this) {
            INT8 -> Byte.MIN_VALUE.toLong()
            INT16 -> Short.MIN_VALUE.toLong()
            INT32 -> Int.MIN_VALUE.toLong()
            INT64 -> Long.MIN_VALUE
            else -> 0L
        }

    /** The largest value of a whole-number type; that of `int64` for `uint64`. */
    public val most: Long
        get() = when (this) {
            INT8 -> Byte.MAX_VALUE.toLong()
            UINT8 -> 0xff
            INT16 -> Short.MAX_VALUE.toLong()
            UINT16 -> 0xffff
            INT32 -> Int.MAX_VALUE.toLong()
            UINT32 -> 0xffffffffL
            BOOL -> 1
            else -> Long.MAX_VALUE
        }

    override fun toString(): String = label

    public companion object {
        /** The type with a NumPy name, null for one that littoral does not run. */
        public fun of(label: String): DType? = entries.firstOrNull { it.label == label }
    }
}
