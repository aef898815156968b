package littoral

import littoral.formats.Format
import littoral.formats.sniff
import java.io.ByteArrayOutputStream
import java.io.File
import java.io.FileNotFoundException
import java.io.IOException
import java.io.InputStream

/** Whether a file's digest is compared with its bytes. */
public enum class Verify {
    /** The digest of a file that has one. */
    AUTO,

    /** A file without a digest is refused. */
    ALWAYS,

    /** Nothing is compared. */
    NEVER,
}

/**
 * How to load a model file.
 *
 * @property engine An engine's name, or `"auto"` for the first installed one that runs the format.
 * @property threads Threads that one call may use.
 * @property options The engine's own options by name, for example `mapOf("xnnpack" to false)`; see
 *     [Engine.options].
 * @property signature Which of the functions in a .tflite file to run, by the names in
 *     [Model.signatures]; null for the usual one.
 * @property verify Whether the file's digest is compared with its bytes.
 * @property trust Public keys; where there are any, the file must be signed by one of them.
 * @property maxBytes The largest file to accept.
 */
public data class LoadOptions(
    public val engine: String = "auto",
    public val threads: Int = 1,
    public val options: Map<String, Any> = emptyMap(),
    public val signature: String? = null,
    public val verify: Verify = Verify.AUTO,
    public val trust: List<PublicKey> = emptyList(),
    public val maxBytes: Long = Int.MAX_VALUE.toLong(),
)

/**
 * Loads models.
 *
 * ```
 * val model = Littoral.load("cnn.tflite")
 * val scores = model.run(Tensor.of(pixels, 28, 28, 1))
 * ```
 */
public object Littoral {
    /** This library's version. */
    public const val VERSION: String = "0.1.0"

    /**
     * Load a model file by its path. The format is taken from the bytes, not from the name.
     *
     * Weights beside an .onnx file are read from its own folder, unless trust is asked for: no signature
     * covers them.
     *
     * @throws InputError No such file, a folder, an option that makes no sense, or a signature that there
     *     is not.
     * @throws FormatError Not a model that the engine can execute.
     * @throws IntegrityError The file's bytes are not the ones that were written.
     * @throws EngineNotInstalled No engine of the app runs the format.
     */
    public fun load(path: String, options: LoadOptions = LoadOptions()): Model =
        load(File(path), options)

    /** Load a model file; as [load] with a path. */
    public fun load(file: File, options: LoadOptions = LoadOptions()): Model =
        load(read(file, options), file.path, options, file.absoluteFile.parentFile)

    /** Load a model from a stream, which is read to its end and not closed; as [load]. */
    public fun load(
        stream: InputStream,
        name: String,
        options: LoadOptions = LoadOptions(),
    ): Model {
        val content = try {
            upTo(options.maxBytes, stream) ?: throw tooLarge(name, options)
        } catch (error: IOException) {
            throw InputError("$name cannot be read: ${reason(error)}", error)
        } catch (error: OutOfMemoryError) {
            throw outOfMemory(name, null, error)
        }
        return load(content, name, options)
    }

    /** All of a stream; null for one that has more, which may never end. */
    private fun upTo(most: Long, stream: InputStream): ByteArray? {
        val content = ByteArrayOutputStream()
        val piece = ByteArray(DEFAULT_BUFFER_SIZE)
        while (true) {
            val count = stream.read(piece)
            if (count < 0) return content.toByteArray()
            if (content.size().toLong() + count > most) return null
            content.write(piece, 0, count)
        }
    }

    /**
     * Load a model from its bytes; as [load] with a path.
     *
     * @param content The whole file.
     * @param name For messages.
     */
    public fun load(
        content: ByteArray,
        name: String = "<bytes>",
        options: LoadOptions = LoadOptions(),
    ): Model = load(content, name, options, null)

    private fun load(content: ByteArray, name: String, options: LoadOptions, folder: File?): Model {
        if (options.threads < 1) {
            throw InputError("threads is ${options.threads}: expected a whole number of at least 1")
        }
        if (options.trust.isNotEmpty() && options.verify == Verify.NEVER) {
            throw InputError("trust demands a check and Verify.NEVER forbids it: leave out one of them")
        }
        if (content.size > options.maxBytes) throw tooLarge(name, options)
        return explained(name) { open(content, name, options, folder) }
    }

    private fun open(content: ByteArray, name: String, options: LoadOptions, folder: File?): Model {
        val format = sniff(content)
        val signedBy = checked(content, format, options)
        val card = format.readCard(content)?.let(Card::fromJson)
        val engine = Engines.choose(options.engine, format.name)
        val settings = Settings(options.threads, options.options, engine)
        val file = format.read(content, options.signature, folder.takeIf { options.trust.isEmpty() })
        if (file.outputs.isEmpty()) throw FormatError("the model has no outputs")
        val shortName = name.replace('\\', '/').substringAfterLast('/')
        val model = Model(engine.open(file, settings), file, engine, settings, card, shortName, signedBy)
        try {
            model.allocate()
        } catch (error: EngineError) {
            model.close()
            throw FormatError(error.message, error)
        }
        return model
    }

    /** The id of the trusted key that signed the file, null where none was asked for. */
    private fun checked(content: ByteArray, format: Format, options: LoadOptions): String? {
        val integrity = Integrity(content, format)
        if (options.trust.isNotEmpty()) return integrity.checkSignature(options.trust)
        val digest = if (options.verify == Verify.NEVER) null else integrity.check()
        if (digest == null && options.verify == Verify.ALWAYS) {
            throw IntegrityError("the file carries no digest, and Verify.ALWAYS demands one")
        }
        if (digest == null) format.checkStructure(content) // nothing else vouches for it
        return null
    }

    private fun tooLarge(name: String, options: LoadOptions) =
        FormatError("$name has more than ${options.maxBytes} bytes: raise maxBytes if that is right")

    private fun read(file: File, options: LoadOptions): ByteArray = try {
        if (file.isDirectory) throw InputError("$file is a folder: give a model file in it")
        if (file.length() > options.maxBytes) throw tooLarge(file.path, options)
        file.readBytes()
    } catch (error: FileNotFoundException) {
        if (file.exists()) throw InputError("$file cannot be read: ${reason(error)}", error)
        throw InputError("$file: no such file", error)
    } catch (error: IOException) {
        throw InputError("$file cannot be read: ${reason(error)}", error)
    } catch (error: OutOfMemoryError) {
        throw outOfMemory("$file", file.length(), error)
    }

    /** Put a file's name in front of what is wrong with it. */
    private inline fun explained(name: String, load: () -> Model): Model = try {
        load()
    } catch (error: FormatError) {
        throw FormatError("$name: ${error.message}", error)
    } catch (error: IntegrityError) {
        throw IntegrityError("$name: ${error.message}", error)
    } catch (error: EngineNotInstalled) {
        throw EngineNotInstalled("$name: ${error.message}", error)
    } catch (error: OutOfMemoryError) {
        throw outOfMemory(name, null, error)
    }
}

/** What is said when there is no memory for a model. */
internal fun outOfMemory(name: String, bytes: Long?, error: OutOfMemoryError): EngineError {
    val size = bytes?.let { " of $it bytes" }.orEmpty()
    return EngineError("$name$size does not fit into memory: close other models or use a smaller one", error)
}
