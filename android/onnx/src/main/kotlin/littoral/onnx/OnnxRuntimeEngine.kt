package littoral.onnx

import ai.onnxruntime.OrtEnvironment
import ai.onnxruntime.OrtException
import ai.onnxruntime.OrtSession
import littoral.Engine
import littoral.EngineNotInstalled
import littoral.FormatError
import littoral.ModelFile
import littoral.Session

/**
 * ONNX Runtime, on the CPU. Found through `META-INF/services`; nothing has to name it.
 *
 * Its Java API is the same on the desktop and on Android.
 */
public class OnnxRuntimeEngine : Engine {
    override val name: String = "onnxruntime"
    override val formats: Set<String> = setOf("onnx")
    override val dependency: String = "com.microsoft.onnxruntime:onnxruntime-android:$PINNED"

    override fun version(): String? = try {
        "onnxruntime ${environment().version}"
    } catch (_: EngineNotInstalled) {
        null
    }

    override fun open(file: ModelFile, threads: Int): Session {
        val environment = environment()
        val session = try {
            OrtSession.SessionOptions().use { options ->
                options.setIntraOpNumThreads(threads)
                options.setInterOpNumThreads(threads)
                options.setOptimizationLevel(OrtSession.SessionOptions.OptLevel.ALL_OPT)
                options.setSessionLogLevel(ai.onnxruntime.OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL)
                environment.createSession(file.content, options)
            }
        } catch (error: OrtException) {
            throw FormatError("ONNX Runtime refuses the file: ${reasonOf(error)}", error)
        }
        return OnnxRuntimeSession(environment, session, file.inputs, file.outputs)
    }

    private fun environment(): OrtEnvironment = try {
        OrtEnvironment.getEnvironment()
    } catch (error: NoClassDefFoundError) {
        throw missing(error)
    } catch (error: UnsatisfiedLinkError) {
        throw broken(error)
    } catch (error: ExceptionInInitializerError) {
        throw broken(error)
    }

    private fun missing(error: Throwable) = EngineNotInstalled(
        "an .onnx file needs an engine: add implementation(\"$dependency\") to the app",
        error,
    )

    private fun broken(error: Throwable): EngineNotInstalled {
        val why = error.cause?.message ?: error.message
        return EngineNotInstalled("onnxruntime is installed but does not load: $why", error)
    }

    private companion object {
        /** The release that the tests run; the pom and the version catalog hold the same number. */
        const val PINNED = "1.29.0"
    }
}

/** The library's own message on one line, without what is only for its developers. */
internal fun reasonOf(error: OrtException): String =
    error.message.orEmpty().split(Regex("\\s+")).joinToString(" ").take(LONGEST_REASON)

private const val LONGEST_REASON = 240
