// SPDX-License-Identifier: Apache-2.0

package posekit.template

import android.content.Context
import java.io.File
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put
import kotlinx.serialization.json.putJsonObject

/** The LiteRT that build.gradle.kts asks for. */
internal const val LITERT_VERSION: String = "2.3.0"

private const val NO_HASH = "0000000000000000000000000000000000000000000000000000000000000000"

/**
 * What runs the cases, as the system names itself.
 *
 * @property build how the app was built, `debug` or `release`; null where there is no app.
 * @property thermal gives its state in the system's words.
 */
internal class RunDevice(
    val name: String,
    val os: String,
    val simulated: Boolean,
    val runtime: String,
    val build: String?,
    val thermal: () -> String?,
)

/**
 * Runs the cases of a request through this module and writes what it saw.
 *
 * [request] holds request.json, and [out] is given run.json, in the forms that posekit's docs describe. `image` is
 * run as an app's estimates are. [modelFile] is a model of another precision, as [Options.modelFile].
 */
internal class DeviceRun(
    private val context: Context,
    private val device: RunDevice,
    request: File,
    out: File,
    private val gpuFullPrecision: Boolean = false,
    private val modelFile: String? = null,
) {
    private var contract = TemplatePoseContract.contract
    private val files = RequestFiles(request)
    private val written = RunFiles(out)
    private val passes = mutableListOf<JsonObject>()
    private val model: String get() = modelFile ?: contract.modelFile

    /** Run everything; what went wrong, null when nothing did. run.json is there in both cases. */
    fun run(log: (String) -> Unit): String? {
        val error = try {
            val asked = files.request()
            if (asked.stage == RunStage.DETECTOR) {
                contract = requireNotNull(TemplatePoseContract.stage("detector")) { "this module has no detector" }
                require(modelFile == null) { "$modelFile is no detector" }
            }
            for (accelerator in (listOf("cpu") + asked.accelerators).distinct()) {
                log("${asked.cases.size} cases on the $accelerator")
                passes += pass(accelerator, asked).document()
            }
            null
        } catch (thrown: Throwable) { // running out of memory is told too
            "${thrown.javaClass.simpleName}: ${thrown.message}"
        }
        written.run(document(error))
        return error
    }

    private fun document(error: String?): JsonObject = buildJsonObject {
        put("schema", 1)
        putJsonObject("device") {
            put("name", device.name)
            put("os", device.os)
            put("simulated", device.simulated)
        }
        put("runtime", device.runtime)
        // a model that cannot be read is what the error tells of
        put("model_sha256", runCatching { assetHash(context.assets, model) }.getOrDefault(NO_HASH))
        put("contract_sha256", runCatching { contractHash(context.assets, model) }.getOrNull() ?: NO_HASH)
        put("build", device.build)
        put("error", error?.take(MAX_TEXT))
        put("passes", JsonArray(passes))
    }

    private fun pass(requested: String, asked: RunRequest): RunPass {
        val pass = RunPass(requested)
        val accelerator = Accelerator.entries.find { it.name.lowercase() == requested }
            ?: return pass.copy(fallbackReason = "this module runs a model on the GPU, the NPU or the CPU only")
        val before = device.thermal()
        val options = Options(accelerator, gpuFullPrecision = gpuFullPrecision, modelFile = modelFile)
        return try {
            PoseEngine.create(context, contract, options).use { engine ->
                val use = engine.accelerator
                val loaded = pass.copy(used = use.accelerator.name.lowercase(), fallbackReason = use.fallbackReason)
                if (use.accelerator != accelerator) return loaded
                val started = loaded.copy(thermalBefore = before)
                if (asked.stage != RunStage.BOTH) return ran(started, engine, null, asked)
                PeopleEngine.create(context, contract, engine, options).use { people ->
                    val first = people.detectorAccelerator
                    if (first.accelerator == accelerator) return ran(started, engine, people, asked)
                    val reason = first.fallbackReason?.let { "the detector: $it" }
                    pass.copy(used = first.accelerator.name.lowercase(), fallbackReason = reason)
                }
            }
        } catch (error: AcceleratorException) {
            pass.copy(failure = error.message)
        }
    }

    /** The pass with what [engine], or both stages, gave for every case, or with none of it where it failed. */
    private fun ran(pass: RunPass, engine: PoseEngine, people: PeopleEngine?, asked: RunRequest): RunPass {
        val arithmetic = if (gpuFullPrecision) "full precision" else "float16 arithmetic allowed"
        val told = pass.copy(detail = arithmetic.takeIf { pass.used == "gpu" })
        val times = RunTimes(asked.cases.size * asked.repeats)
        return try {
            val cases = asked.cases.mapIndexed { index, case ->
                val number = index.toString().padStart(3, '0') // ASCII digits, whatever the device's language
                val run = CaseRun(contract, engine, files, written, case, "${pass.requested}-$number")
                if (people == null) run.run(asked, times) else run.runBoth(people)
            }
            told.copy(thermalAfter = device.thermal(), latencies = times.summary(), cases = cases)
        } catch (error: InferenceException) {
            told.copy(thermalAfter = device.thermal(), failure = error.message)
        }
    }
}
