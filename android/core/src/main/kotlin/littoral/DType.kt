package littoral

/**
 * The type of a tensor's elements, by the name that NumPy and the card give it.
 *
 * @property label The name, for example `"float32"`.
 * @property size Bytes of one element; 0 for text.
 * @property least The least value of a whole-number type.
 * @property most The largest value of a whole-number type; that of `int64` for `uint64`.
 */
public enum class DType(
    public val label: String,
    public val size: Int,
    public val least: Long = 0,
    public val most: Long = Long.MAX_VALUE,
) {
    FLOAT32("float32", 4),
    FLOAT64("float64", 8),
    FLOAT16("float16", 2),
    INT8("int8", 1, -128, 127),
    UINT8("uint8", 1, 0, 0xff),
    INT16("int16", 2, -32768, 32767),
    UINT16("uint16", 2, 0, 0xffff),
    INT32("int32", 4, Int.MIN_VALUE.toLong(), Int.MAX_VALUE.toLong()),
    UINT32("uint32", 4, 0, 0xffffffffL),
    INT64("int64", 8, Long.MIN_VALUE),
    UINT64("uint64", 8),
    BOOL("bool", 1, 0, 1),
    TEXT("str", 0),
    ;

    /** True for the floating-point types. */
    public val isFloat: Boolean get() = this == FLOAT32 || this == FLOAT64 || this == FLOAT16

    /** True for text. */
    public val isText: Boolean get() = this == TEXT

    override fun toString(): String = label

    public companion object {
        /** The type with a NumPy name, null for one that littoral does not run. */
        public fun of(label: String): DType? = entries.firstOrNull { it.label == label }
    }
}
