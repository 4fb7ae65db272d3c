// SPDX-License-Identifier: Apache-2.0

package posekit.template

import android.content.Context
import android.content.res.AssetManager
import com.google.ai.edge.litert.FakeLiteRt
import java.io.File
import kotlin.io.path.createTempDirectory
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject

/** An app whose one asset is the model in [folder]. */
internal class FakeContext(folder: String) : Context() {
    private val manager = AssetManager(File(folder))

    override fun getAssets(): AssetManager = manager
}

/** What the runner writes where there is a GPU, which no desktop run shows; for [FacadeChecks]. */
internal object DeviceRunChecks {
    private const val INPUT = 192 * 256 * 3
    private const val CASE =
        """{"name": "a", "picture": {"file": "p.rgb", "size_wh": [4, 2]}, "region": null, "sha256": "",
            "input": {"file": "i.f32", "shape": [1, 256, 192, 3]}}"""
    private const val REQUEST =
        """{"schema": 1, "modes": ["image", "tensor"], "accelerators": ["gpu"], "warmup": 1, "repeats": 1,
            "cases": [$CASE, $CASE]}"""

    fun onTheGpu(context: Context): Boolean {
        val (cpu, gpu) = run(context).passes()
        return listOf(cpu, gpu).all { it.getValue("cases").jsonArray.size == 2 && it["latencies"] !is JsonNull } &&
            gpu.text("requested") == "gpu" && gpu.text("used") == "gpu" && gpu["fallback_reason"] is JsonNull &&
            gpu["failure"] is JsonNull && gpu.text("detail") == "float16 arithmetic allowed" &&
            cpu["detail"] is JsonNull &&
            gpu.text("thermal_before") == "none" && gpu.text("thermal_after") == "none"
    }

    /** Run 1 tries the GPU out. */
    fun whereTheGpuFails(context: Context): Boolean {
        FakeLiteRt.gpuFailsAtRun = 3
        val answer = run(context)
        val (cpu, gpu) = answer.passes()
        return answer["error"] is JsonNull && cpu.getValue("cases").jsonArray.size == 2 && gpu.text("used") == "gpu" &&
            gpu.getValue("cases").jsonArray.isEmpty() && "run 3" in gpu.text("failure") &&
            gpu["fallback_reason"] is JsonNull && gpu["latencies"] is JsonNull && gpu.text("thermal_after") == "none"
    }

    /** The module fell back, which is no failure. */
    fun withoutGpu(context: Context): Boolean {
        FakeLiteRt.gpuFailure = IllegalStateException("no GPU")
        val (_, gpu) = run(context).passes()
        return gpu.text("used") == "cpu" && gpu.text("fallback_reason") == "GPU: no GPU" && gpu["failure"] is JsonNull
    }

    /** Nothing to fall back to. */
    fun whereTheCpuFails(context: Context): Boolean {
        FakeLiteRt.cpuFailure = IllegalStateException("no kernel")
        val (cpu, _) = run(context).passes()
        return cpu["used"] is JsonNull && "no kernel" in cpu.text("failure") && cpu["fallback_reason"] is JsonNull
    }

    fun inFullPrecision(context: Context): Boolean =
        run(context, gpuFullPrecision = true).passes()[1].text("detail") == "full precision"

    fun ofAnotherModelFile(context: Context): Boolean {
        val (own, other) = listOf(null, "models/other.tflite").map { run(context, modelFile = it) }
        return own.text("model_sha256") != other.text("model_sha256") &&
            own.text("contract_sha256") == other.text("contract_sha256") && other["error"] is JsonNull &&
            FakeLiteRt.loaded.last() == "models/other.tflite"
    }

    fun saysHowItWasBuilt(context: Context): Boolean = run(context).text("build") == "debug"

    fun knowsEmulators(): Boolean = emulators.all { isEmulator(it[0], *it.drop(1).toTypedArray()) } &&
        phones.none { isEmulator(it[0], *it.drop(1).toTypedArray()) }

    // fingerprint, hardware, product, model, manufacturer
    private val emulators = listOf(
        listOf("google/sdk_gphone64_x86_64/emu64xa:15/A/1:user/dev-keys", "x", "x", "x", "Google"),
        listOf("a/a/a:16/A/1:user/release-keys", "ranchu", "x", "x", "Google"),
        listOf("a/a/a:16/A/1:user/release-keys", "cutf_cvm", "x", "x", "Google"),
        listOf("generic/aosp_cf_x86_64_phone/vsoc_x86_64:16/A/1:userdebug/test-keys", "x", "x", "x", "Google"),
        listOf("a/a/a:16/A/1:user/release-keys", "x", "x", "Cuttlefish x86_64 phone", "Google"),
        listOf("a/a/a:16/A/1:user/release-keys", "vbox86", "vbox86p", "Pixel 3", "Google"),
        listOf("a/a/a:16/A/1:user/release-keys", "x", "x", "Pixel 3", "Genymobile"),
        listOf("unknown", "x", "x", "Android SDK built for x86", "unknown"),
    )
    private val phones = listOf(
        listOf("google/tokay/tokay:16/BP1A/1:user/release-keys", "tokay", "tokay", "Pixel 9", "Google"),
        listOf("samsung/e3qxeea/e3q:15/AP3A/1:user/release-keys", "qcom", "e3qxeea", "SM-S928B", "samsung"),
        listOf("Xiaomi/aurora/aurora:14/UKQ1/1:user/release-keys", "qcom", "aurora", "24031PN0DC", "Xiaomi"),
    )

    fun withoutModel(context: Context): Boolean {
        val answer = run(context)
        return "ModelMissingException" in answer.text("error") && answer.passes().isEmpty()
    }

    private fun JsonObject.passes(): List<JsonObject> = getValue("passes").jsonArray.map { it.jsonObject }

    fun run(
        context: Context, gpuFullPrecision: Boolean = false, stage: String = "pose", modelFile: String? = null,
    ): JsonObject {
        val folder = createTempDirectory().toFile()
        try {
            File(folder, "request.json").writeText(REQUEST.replaceFirst("{", """{"stage": "$stage", """))
            File(folder, "p.rgb").writeBytes(ByteArray(4 * 2 * 3) { it.toByte() })
            File(folder, "i.f32").writeBytes(ByteArray(INPUT * 4))
            val device = RunDevice("fake", "fake", true, "fake", "debug") { "none" }
            DeviceRun(context, device, folder, File(folder, "out"), gpuFullPrecision, modelFile).run {}
            return Json.parseToJsonElement(File(folder, "out/run.json").readText()).jsonObject
        } finally {
            folder.deleteRecursively()
        }
    }
}
