package littoral

import com.google.gson.GsonBuilder
import com.google.gson.ToNumberPolicy
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.Base64
import java.util.zip.ZipFile

/** What the Python runtime answered, written down by `tests/kotlin_vectors.py`. */
public object Golden {
    /** Where the model files and their answers are. */
    public val folder: File = File(checkNotNull(System.getProperty("littoral.golden")))

    /** The repository's root. */
    public val repository: File = File(checkNotNull(System.getProperty("littoral.repository")))

    private val gson = GsonBuilder().setObjectToNumberStrategy(ToNumberPolicy.LONG_OR_DOUBLE).create()

    /** JSON by another's parser: maps, lists, texts, Long, Double, Boolean and null. */
    public fun parse(text: String): Any? = gson.fromJson(text, Any::class.java)

    /** A model file's path. */
    public fun file(name: String): String = File(folder, name).path

    /** The cases of one kind, for example `"models"`. */
    @Suppress("UNCHECKED_CAST")
    public fun cases(name: String): List<Map<String, Any?>> {
        val file = File(folder, "$name.json")
        check(file.exists()) { "$file is missing: `make android` writes it" }
        return parse(file.readText()) as List<Map<String, Any?>>
    }

    /** A file of JSON. */
    public fun json(file: File): Map<*, *> = parse(file.readText()) as Map<*, *>

    /** An array out of an archive; null where it has none of that name. */
    public fun array(archive: File, name: String): Tensor? = ZipFile(archive).use { zip ->
        val content = zip.getEntry("$name.npy")?.let { zip.getInputStream(it).readBytes() } ?: return null
        val begin = 10 + content[8] + 256 * content[9]
        val header = String(content, 10, begin - 10)
        val type = Regex("'descr': '[<|](\\w+)'").find(header)!!.groupValues[1]
        val sizes = Regex("'shape': \\(([^)]*)\\)").find(header)!!.groupValues[1]
        val shape = sizes.split(',').filter { it.isNotBlank() }.map { it.trim().toInt() }
        Tensor.read(NUMPY.getValue(type), shape, content.copyOfRange(begin, content.size))
    }

    private val NUMPY = mapOf(
        "f2" to DType.FLOAT16, "f4" to DType.FLOAT32, "f8" to DType.FLOAT64, "b1" to DType.BOOL,
        "i1" to DType.INT8, "i2" to DType.INT16, "i4" to DType.INT32, "i8" to DType.INT64,
        "u1" to DType.UINT8, "u2" to DType.UINT16, "u4" to DType.UINT32, "u8" to DType.UINT64,
    )

    /** Numbers as a tensor of a type. */
    public fun numbers(dtype: DType, shape: List<Int>, values: List<Double>): Tensor {
        val buffer = ByteBuffer.allocate(8 * values.size).order(ByteOrder.LITTLE_ENDIAN)
        for (value in values) {
            when (dtype) {
                DType.FLOAT32 -> buffer.putFloat(value.toFloat())
                DType.FLOAT64 -> buffer.putDouble(value)
                else -> repeat(dtype.size) { buffer.put((value.toLong() shr (8 * it)).toByte()) }
            }
        }
        return Tensor.read(dtype, shape, buffer.array().copyOf(buffer.position()))
    }

    /** An array as the vectors hold it; null for anything else. */
    public fun tensor(value: Any?): Tensor? {
        val fields = value as? Map<*, *> ?: return null
        val dtype = DType.of(fields["dtype"].toString()) ?: return null
        val shape = (fields["shape"] as List<*>).map { (it as Long).toInt() }
        return Tensor.read(dtype, shape, Base64.getDecoder().decode(fields["data"].toString()))
    }

    /** Largest difference between two tensors of equal shape. */
    public fun difference(one: Tensor, other: Tensor): Double {
        check(one.shape == other.shape) { "$one against $other" }
        return (0 until one.size).maxOf { kotlin.math.abs(one.doubleAt(it) - other.doubleAt(it)) }
    }
}
