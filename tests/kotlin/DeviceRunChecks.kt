// SPDX-License-Identifier: Apache-2.0

package posekit.template

import android.content.Context
import com.google.ai.edge.litert.FakeLiteRt
import java.io.File
import kotlin.io.path.createTempDirectory
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject

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
            gpu.text("thermal_before") == "none" && gpu.text("thermal_after") == "none"
    }

    /** Run 1 tries the GPU out. */
    fun whereTheGpuFails(context: Context): Boolean {
        FakeLiteRt.gpuFailsAtRun = 3
        val answer = run(context)
        val (cpu, gpu) = answer.passes()
        return answer["error"] is JsonNull && cpu.getValue("cases").jsonArray.size == 2 && gpu["used"] is JsonNull &&
            gpu.getValue("cases").jsonArray.isEmpty() && "run 3" in gpu.text("fallback_reason")
    }

    fun withoutModel(context: Context): Boolean {
        val answer = run(context)
        return "ModelMissingException" in answer.text("error") && answer.passes().isEmpty()
    }

    private fun JsonObject.passes(): List<JsonObject> = getValue("passes").jsonArray.map { it.jsonObject }

    private fun run(context: Context): JsonObject {
        val folder = createTempDirectory().toFile()
        try {
            File(folder, "request.json").writeText(REQUEST)
            File(folder, "p.rgb").writeBytes(ByteArray(4 * 2 * 3) { it.toByte() })
            File(folder, "i.f32").writeBytes(ByteArray(INPUT * 4))
            val device = RunDevice("fake", "fake", true, "fake") { "none" }
            DeviceRun(context, device, folder, File(folder, "out")).run {}
            return Json.parseToJsonElement(File(folder, "out/run.json").readText()).jsonObject
        } finally {
            folder.deleteRecursively()
        }
    }
}
