package littoral.android

import littoral.Errand
import java.io.File

/**
 * Plays the app in `tests/boards/kotlin_app.py`: what [BenchmarkActivity] does with a request, without
 * Android. Runs on the AAR's own classes.
 */
internal object JvmApp {
    @JvmStatic
    fun main(arguments: Array<String>) {
        val (request, answers) = arguments.map(::File)
        Errand.run(request, answers) { mapOf("board" to "a JVM", "hardware" to "none") }
    }
}
