package littoral

/**
 * Base of every error that littoral raises on purpose.
 *
 * ```
 * LittoralError
 * |-- ModelError             the model file is at fault
 * |   |-- FormatError        not a model, truncated, or asks for an operator the engine lacks
 * |   `-- IntegrityError     its bytes are not the ones that were written
 * |-- EngineError            the engine is at fault
 * |   |-- EngineNotInstalled the message names the dependency that brings it
 * |   `-- EngineBusy         a pool has as many calls as may wait
 * `-- InputError             the data or the arguments: which one, what was expected, what came
 * ```
 *
 * A message is one line that says what, where and what to do, in the words of the Python runtime.
 */
public sealed class LittoralError(message: String, cause: Throwable? = null) :
    RuntimeException(message, cause) {
    /** The message; never null, unlike that of other throwables. */
    override val message: String get() = super.message.orEmpty()
}

/** The model file cannot be used. */
public open class ModelError(message: String, cause: Throwable? = null) :
    LittoralError(message, cause)

/** The file is no model, is truncated, or needs an operator that the engine does not have. */
public class FormatError(message: String, cause: Throwable? = null) : ModelError(message, cause)

/** The file's bytes do not match the digest or signature that it carries. */
public class IntegrityError(message: String, cause: Throwable? = null) : ModelError(message, cause)

/** The engine refused or failed, or the model is closed. */
public open class EngineError(message: String, cause: Throwable? = null) :
    LittoralError(message, cause)

/** No engine of the app runs this format; the message names the dependency to add. */
public class EngineNotInstalled(message: String, cause: Throwable? = null) :
    EngineError(message, cause)

/** A pool has as many calls as may wait: try again later. */
public class EngineBusy(message: String, cause: Throwable? = null) : EngineError(message, cause)

/** Data or arguments do not fit: the message says which, what was expected and what came. */
public class InputError(message: String, cause: Throwable? = null) : LittoralError(message, cause)
