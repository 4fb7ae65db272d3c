// SPDX-License-Identifier: Apache-2.0

package posekit.template

import android.content.Context
import com.google.ai.edge.litert.LiteRtException
import java.io.File
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put
import kotlinx.serialization.json.putJsonObject

/** The LiteRT that build.gradle.kts asks for. */
internal const val LITERT_VERSION: String = "2.3.0"

private const val NO_HASH = "0000000000000000000000000000000000000000000000000000000000000000"

/** What runs the cases, as the system names itself; [thermal] gives its state in the system's words. */
internal class RunDevice(
    val name: String,
    val os: String,
    val simulated: Boolean,
    val runtime: String,
    val thermal: () -> String?,
)

/**
 * Runs the cases of a request through this module and writes what it saw.
 *
 * [request] holds request.json, and [out] is given run.json, in the forms that posekit's docs describe. `image` is
 * run as an app does, by [TemplatePose.estimate].
 */
internal class DeviceRun(
    private val context: Context,
    private val device: RunDevice,
    request: File,
    out: File,
    private val gpuFullPrecision: Boolean = false,
) {
    private val contract = TemplatePoseContract.contract
    private val files = RequestFiles(request)
    private val written = RunFiles(out)
    private val passes = mutableListOf<JsonObject>()

    /** Run everything; what went wrong, null when nothing did. run.json is there in both cases. */
    fun run(log: (String) -> Unit): String? {
        val error = try {
            val asked = files.request()
            for (accelerator in (listOf("cpu") + asked.accelerators).distinct()) {
                log("${asked.cases.size} cases on the $accelerator")
                passes += pass(accelerator, asked)
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
        put("model_sha256", runCatching { assetHash(context.assets, contract.modelFile) }.getOrDefault(NO_HASH))
        put("contract_sha256", runCatching { contractHash(context.assets, contract) }.getOrNull() ?: NO_HASH)
        put("error", error?.take(MAX_TEXT))
        put("passes", JsonArray(passes))
    }

    private fun pass(requested: String, asked: RunRequest): JsonObject {
        val accelerator = Accelerator.entries.find { it.name.lowercase() == requested }
            ?: return passed(requested, null, "this module runs a model on the GPU or the CPU only")
        val before = device.thermal()
        val model = try {
            TemplatePose.create(context, Options(accelerator, gpuFullPrecision = gpuFullPrecision))
        } catch (error: AcceleratorException) {
            return passed(requested, null, error.message)
        }
        return model.use {
            val use = model.accelerator
            val used = use.accelerator.name.lowercase()
            if (use.accelerator != accelerator) return passed(requested, used, use.fallbackReason)
            val times = RunTimes(asked.cases.size * asked.repeats)
            val cases = try {
                asked.cases.mapIndexed { index, case ->
                    CaseRun(model, files, written, case, "$requested-${"%03d".format(index)}").run(asked, times)
                }
            } catch (error: LiteRtException) {
                return passed(requested, null, "it stopped running the model: ${error.message}", before)
            }
            passed(requested, used, use.fallbackReason, before, times.summary(), cases)
        }
    }

    /** What run.json says of a pass; without [cases] where the accelerator did not run the model. */
    private fun passed(
        requested: String,
        used: String?,
        reason: String?,
        before: String? = null,
        latencies: JsonObject? = null,
        cases: List<JsonObject> = emptyList(),
    ): JsonObject = buildJsonObject {
        put("requested", requested)
        put("used", used)
        put("fallback_reason", reason?.take(MAX_TEXT))
        put("thermal_before", before)
        put("thermal_after", if (cases.isEmpty()) null else device.thermal())
        put("latencies", latencies ?: JsonNull)
        put("cases", JsonArray(cases))
    }

    private companion object {
        const val MAX_TEXT = 4000
    }
}
