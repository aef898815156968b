package littoral

import java.io.File
import java.io.IOException

/**
 * What `littoral bench` asks of a device that has this library in an app, and no Python: measure model
 * files, or run them on data. Request and answer are files, because files are what adb carries.
 *
 * A request is JSON and lies beside the files that it names:
 *
 * ```
 * {"errand": "measure", "files": [{"file": "3f...", "engine": "auto", "threads": 1}],
 *  "data": "a1.npz", "runs": null, "warmup": null, "duration_ms": 1000}
 * ```
 *
 * The answer holds `measurements`, `rounds` (the timed calls in ns, round by round), `environment` and
 * what the device says `afterwards`; or `error`, the name of the error's class in Python, and `message`.
 * The errand `outputs` leaves an `.npz` beside its answer. In both archives an array is called
 * `FILE/SAMPLE/NAME`, counted from 0.
 */
public object Errand {
    private const val CPU = "/sys/devices/system/cpu/cpu0/cpufreq"

    /**
     * Do what a request file asks for. The answer appears whole, under the request's name.
     *
     * @param request The file.
     * @param answers The folder that the answer goes to.
     * @param facts What the device says about itself at this moment, by the names of `littoral bench --json`.
     * @return The answer's file.
     * @throws IOException The answer cannot be written.
     */
    public fun run(request: File, answers: File, facts: () -> Map<String, Any?> = { emptyMap() }): File {
        val name = request.nameWithoutExtension
        answers.mkdirs()
        val part = File(answers, "$name.part")
        val outputs = File(answers, "$name.npz")
        part.writeText(answered { done(read(request), request.absoluteFile.parentFile, outputs, facts) })
        val whole = File(answers, request.name)
        if (!part.renameTo(whole)) throw IOException("$part cannot be renamed")
        return whole
    }

    /**
     * Measure models on random values, and close them.
     *
     * @param models Load them.
     * @param threads What they are loaded with, for the record.
     * @param facts As for [run].
     * @return The answer as JSON; what failed is in it.
     */
    public fun measure(models: List<() -> Model>, plan: Plan, threads: Int, facts: Map<String, Any?>): String =
        answered { measured(models, plan, models.map { threads }, null) { facts } }

    private fun answered(work: () -> Map<String, Any?>): String = Json.write(
        try {
            work()
        } catch (error: LittoralError) {
            mapOf("error" to error.javaClass.simpleName, "message" to error.message)
        },
    )

    private fun read(file: File): Map<*, *> = try {
        Json.parse(file.readText()) as? Map<*, *> ?: throw Json.Malformed("expected an object")
    } catch (error: IOException) {
        throw InputError("$file cannot be read: ${reason(error)}", error)
    } catch (error: Json.Malformed) {
        throw InputError("$file is no request: ${error.message}", error)
    }

    /** What is not in a request is as usual. */
    private fun done(
        request: Map<*, *>,
        folder: File,
        outputs: File,
        facts: () -> Map<String, Any?>,
    ): Map<String, Any?> {
        val files = (request["files"] as? List<*>).orEmpty().filterIsInstance<Map<*, *>>()
        val models = files.map { one -> { load(folder, one) } }
        val data = (request["data"] as? String)?.let { NpzReader(File(folder, it)) }
        try {
            return when (request["errand"]) {
                "measure" -> measured(models, plan(request), files.map(::threads), data, facts)
                "outputs" -> answersOf(models, data ?: throw InputError("outputs of what? give data"), outputs)
                "environment" -> mapOf("environment" to machine() + facts())
                else -> throw InputError("unknown errand ${shown(request["errand"])}: is this app's littoral old?")
            }
        } finally {
            data?.close()
        }
    }

    private fun load(folder: File, file: Map<*, *>): Model = Littoral.load(
        File(folder, file["file"].toString()),
        LoadOptions(file["engine"] as? String ?: "auto", threads(file)),
    )

    private fun threads(file: Map<*, *>): Int = number(file, "threads") ?: 1

    private fun plan(request: Map<*, *>): Plan {
        val milliseconds = number(request, "duration_ms")?.toLong() ?: Plan().durationMilliseconds
        return Plan(number(request, "runs"), number(request, "warmup"), milliseconds)
    }

    private fun number(from: Map<*, *>, name: String): Int? = (from[name] as? Long)?.toInt()

    private fun measured(
        models: List<() -> Model>,
        plan: Plan,
        threads: List<Int>,
        data: NpzReader?,
        facts: () -> Map<String, Any?>,
    ): Map<String, Any?> {
        val opened = ArrayList<Model>()
        try {
            models.mapTo(opened) { load -> load() }
            val samples = data?.let { opened.indices.map { file -> samples(data, file, opened[file]) } }
            val before = machine() + facts()
            val made = Measurement.onSamples(opened, plan, threads, samples)
            return mapOf(
                "measurements" to made.map { it.toMap() },
                "rounds" to made.map { one -> one.rounds.map { round -> round.map { it.toLong() } } },
                "environment" to before,
                "afterwards" to facts(),
            )
        } finally {
            opened.forEach { it.close() }
        }
    }

    private fun answersOf(models: List<() -> Model>, data: NpzReader, into: File): Map<String, Any?> {
        NpzWriter(into).use { archive ->
            for ((file, load) in models.withIndex()) {
                val model = load()
                model.use {
                    eachSample(data, file, model) { place, inputs ->
                        for ((name, values) in model.run(inputs)) archive.put("$place/$name", values)
                    }
                }
            }
        }
        return emptyMap()
    }

    private fun samples(data: NpzReader, file: Int, model: Model): List<Map<String, Tensor>> =
        ArrayList<Map<String, Tensor>>().also { eachSample(data, file, model) { _, inputs -> it += inputs } }

    /** The samples of a file, read one by one: all of them may be more than an app has memory for. */
    private fun eachSample(data: NpzReader, file: Int, model: Model, work: (String, Map<String, Tensor>) -> Unit) {
        var count = 0
        while (true) {
            val place = "$file/$count"
            val inputs = LinkedHashMap<String, Tensor>()
            for (spec in model.inputs) inputs[spec.name] = data["$place/${spec.name}"] ?: break
            if (inputs.isEmpty() || inputs.size < model.inputs.size) break
            work(place, inputs)
            count++
        }
        if (count == 0) throw InputError("the data has no samples for file $file")
    }

    /** What any JVM knows of its machine; null where the system does not say. */
    private fun machine(): Map<String, Any?> = linkedMapOf(
        "machine" to System.getProperty("os.arch"),
        "cores" to Runtime.getRuntime().availableProcessors(),
        "governor" to line("$CPU/scaling_governor"),
        "frequency_mhz" to line("$CPU/scaling_cur_freq")?.toDoubleOrNull()?.div(1000),
        "memory_bytes" to line("/proc/meminfo")?.filter { it.isDigit() }?.toLongOrNull()?.times(1024),
        "kernel" to "${System.getProperty("os.name")} ${System.getProperty("os.version")}",
        "littoral" to Littoral.VERSION,
        "engines" to Engines.known().associate { it.name to it.version() }.filterValues { it != null },
    )

    private fun line(path: String): String? = try {
        File(path).useLines { it.firstOrNull()?.trim() }
    } catch (_: IOException) {
        null
    }
}
