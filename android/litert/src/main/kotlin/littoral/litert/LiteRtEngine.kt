package littoral.litert

import littoral.Engine
import littoral.EngineNotInstalled
import littoral.ModelFile
import littoral.Session
import littoral.Settings

/**
 * LiteRT, on the CPU with XNNPACK, through its C API. Found through `META-INF/services`; nothing has
 * to name it.
 *
 * An app contains `libLiteRt.so` by the dependency below and JNA as `net.java.dev.jna:jna@aar`. On a
 * JVM the system property `littoral.litert.library` names the library's file.
 */
public class LiteRtEngine : Engine {
    override val name: String = "litert"
    override val formats: Set<String> = setOf("tflite")
    override val dependency: String = DEPENDENCY

    /** `xnnpack`: on (default) or off, for the engine's own kernels alone. */
    override val options: List<String> = listOf("xnnpack")

    override fun version(): String? = try {
        load()
        "litert ${LiteRtLibrary.PINNED}"
    } catch (_: EngineNotInstalled) {
        null
    }

    override fun open(file: ModelFile, settings: Settings): Session {
        load()
        return LiteRtSession(file, settings.threads, settings.switch("xnnpack") != false)
    }

    private fun load() = try {
        LiteRtLibrary.load()
    } catch (error: NoClassDefFoundError) {
        throw EngineNotInstalled(
            "a .tflite file needs JNA: add implementation(\"net.java.dev.jna:jna:$JNA@aar\") to the app",
            error,
        )
    }

    internal companion object {
        const val DEPENDENCY = "com.google.ai.edge.litert:litert:${LiteRtLibrary.PINNED}"
        private const val JNA = "5.19.1"
    }
}
