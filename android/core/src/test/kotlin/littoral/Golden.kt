package littoral

import java.io.File
import java.util.Base64

/** What the Python runtime answered, written down by `tests/kotlin_vectors.py`. */
public object Golden {
    /** Where the model files and their answers are. */
    public val folder: File = File(checkNotNull(System.getProperty("littoral.golden")))

    /** The repository's root. */
    public val repository: File = File(checkNotNull(System.getProperty("littoral.repository")))

    /** A model file's path. */
    public fun file(name: String): String = File(folder, name).path

    /** The cases of one kind, for example `"models"`. */
    @Suppress("UNCHECKED_CAST")
    public fun cases(name: String): List<Map<String, Any?>> {
        val file = File(folder, "$name.json")
        check(file.exists()) { "$file is missing: `make android` writes it" }
        return Json.parse(file.readText()) as List<Map<String, Any?>>
    }

    /** A file of JSON. */
    public fun json(file: File): Map<*, *> = Json.parse(file.readText()) as Map<*, *>

    /** An array out of an archive; null where it has none of that name. */
    public fun array(archive: File, name: String): Tensor? = NpzReader(archive).use { it[name] }

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
