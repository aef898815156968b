package littoral

import java.nio.ByteBuffer
import java.util.ServiceLoader

/**
 * A native library that executes model files. An engine is found by its entry in
 * `META-INF/services/littoral.Engine`; nothing else has to know of it.
 */
public interface Engine {
    /** The name that [Model.engine] shows, for example `"litert"`. */
    public val name: String

    /** Formats it executes, for example `"tflite"`. */
    public val formats: Set<String>

    /** The dependency that an app adds for it, as a Gradle file writes it. */
    public val dependency: String

    /** Names of the options it takes; one that ends with `.*` stands for a group. */
    public val options: List<String>

    /** The library and its version, null when the app does not contain it. */
    public fun version(): String?

    /**
     * Load a model file.
     *
     * @param file The file, already checked.
     * @param settings How.
     * @throws InputError A value that an option does not take.
     * @throws FormatError Not a model that this engine can execute.
     * @throws EngineNotInstalled The library is missing or another version than the pinned one.
     */
    public fun open(file: ModelFile, settings: Settings): Session
}

/**
 * One of the functions that a file offers, under a name.
 *
 * @property inputs Names of its inputs.
 * @property outputs Names of its outputs.
 */
public data class Signature(public val inputs: List<String>, public val outputs: List<String>)

/**
 * Weights that a file keeps in another one beside it.
 *
 * @property name The tensor's name in the file.
 * @property content Its values, little-endian, mapped into memory.
 */
public class Weights internal constructor(
    public val name: String,
    public val dtype: DType,
    public val shape: List<Int>,
    public val content: ByteBuffer,
)

/**
 * A model file as an engine gets it: what can be known without an engine is known.
 *
 * @property content The whole file.
 * @property format `"tflite"` or `"onnx"`.
 * @property inputs In the file's order.
 * @property outputs In the file's order, or that of the signature that is run.
 * @property isStateful A call leaves something behind that changes the next one.
 * @property signatures The functions that the file offers, by name.
 * @property signature Which of them is run, by its place in the file.
 * @property weights Those that are in other files.
 */
public class ModelFile internal constructor(
    public val content: ByteArray,
    public val format: String,
    public val inputs: List<TensorSpec>,
    public val outputs: List<TensorSpec>,
    public val isStateful: Boolean = false,
    public val signatures: Map<String, Signature> = emptyMap(),
    public val signature: Int = 0,
    public val weights: List<Weights> = emptyList(),
)

/** A loaded model file inside one engine. Used by one thread at a time. */
public interface Session : AutoCloseable {
    /**
     * Make ready for inputs of these shapes. Earlier bindings are invalid afterwards.
     *
     * @param shapes One per input; equal to the spec where the spec fixes a size.
     * @throws EngineError The engine cannot take these shapes; its message is inside ours.
     */
    public fun bind(shapes: List<List<Int>>): Binding

    /** Forget what earlier calls left behind. Earlier bindings are invalid afterwards. */
    public fun reset()

    /** Free the native memory. Calling it again does nothing. */
    override fun close()
}

/** A session made ready for one set of input shapes. Valid until the next [Session.bind]. */
public interface Binding {
    /** Copy a value of the input's type and shape into the engine's memory. */
    public fun fill(index: Int, value: Tensor)

    /** Execute once. */
    public fun invoke()

    /** A copy of an output, in the type that the file holds. */
    public fun read(index: Int): Tensor
}

/** The engines of the app. */
public object Engines {
    /** What an app adds to run a format that none of its engines runs. */
    private val BRINGS = mapOf(
        "tflite" to "com.google.ai.edge.litert:litert",
        "onnx" to "com.microsoft.onnxruntime:onnxruntime-android",
    )

    private val all: List<Engine> by lazy {
        ServiceLoader.load(Engine::class.java, Engine::class.java.classLoader)
            .sortedWith { one, other -> one.name.compareTo(other.name) }
    }

    /** Every engine that the app knows, installed or not, by name. */
    public fun known(): List<Engine> = all

    /** The engine with a name, or for `"auto"` the first installed one that runs the format. */
    internal fun choose(name: String, format: String): Engine =
        if (name == "auto") automatic(format) else named(name, format)

    private fun named(name: String, format: String): Engine {
        val engine = all.firstOrNull { it.name == name } ?: throw InputError(
            "unknown engine ${quoted(name)}: choose from ${all.joinToString { it.name }}",
        )
        if (format !in engine.formats) {
            val runs = engine.formats.joinToString()
            throw InputError("engine $name runs $runs files, and this is $format")
        }
        return engine
    }

    private fun automatic(format: String): Engine {
        val candidates = all.filter { format in it.formats }
        return candidates.firstOrNull { it.version() != null } ?: throw EngineNotInstalled(
            "${if (format == "onnx") "an" else "a"} .$format file needs an engine: add " +
                "implementation(\"${candidates.firstOrNull()?.dependency ?: BRINGS[format]}\") to the app",
        )
    }
}
