// SPDX-License-Identifier: Apache-2.0

package posekit.template

import android.content.Context
import android.content.pm.ApplicationInfo
import android.os.Build
import android.os.PowerManager
import java.io.File

/** What emulators say of themselves: Android's own, Cuttlefish, Genymotion, Waydroid, Windows' subsystem. */
private val emulated = Regex(
    "goldfish|ranchu|cutf_|cuttlefish|vsoc|vbox|genymo|emulator|simulator|android sdk|\\bsdk_|google_sdk|waydroid|" +
        "windows_",
    RegexOption.IGNORE_CASE,
)

/** Whether the [fingerprint] of a build, or one of its other [names], is an emulator's. */
internal fun isEmulator(fingerprint: String, vararg names: String): Boolean =
    fingerprint.startsWith("generic") || fingerprint.startsWith("unknown") ||
        (names.asList() + fingerprint).any(emulated::containsMatchIn)

/**
 * Runs the request in the folder [request] on this device and writes the answer into the folder [out], which `posekit
 * validate BUNDLE --device-run` reads.
 *
 * It loads the model for itself and takes from seconds to minutes: not on the main thread.
 *
 * @param modelFile a model of another precision, as [Options.modelFile].
 * @param gpuFullPrecision whether the GPU is to compute in float32.
 * @param log is told the progress, on the calling thread.
 * @return what went wrong; null when nothing did. The answer is there in both cases.
 */
public fun runOnThisDevice(
    context: Context,
    request: File,
    out: File,
    modelFile: String? = null,
    gpuFullPrecision: Boolean = false,
    log: (String) -> Unit = {},
): String? = DeviceRun(context, thisDevice(context), request, out, gpuFullPrecision, modelFile).run(log)

private fun thisDevice(context: Context): RunDevice {
    val power = context.getSystemService(Context.POWER_SERVICE) as PowerManager
    return RunDevice(
        name = "${Build.MANUFACTURER} ${Build.MODEL}",
        os = "Android ${Build.VERSION.RELEASE} (API ${Build.VERSION.SDK_INT}), ${Build.FINGERPRINT}",
        simulated = isEmulator(Build.FINGERPRINT, Build.HARDWARE, Build.PRODUCT, Build.MODEL, Build.MANUFACTURER),
        runtime = "LiteRT (built against $LITERT_VERSION)", // it cannot be asked; an app may link another one
        build = if (isDebuggable(context)) "debug" else "release",
        thermal = { if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.Q) thermalState(power) else null },
    )
}

private fun isDebuggable(context: Context): Boolean =
    (context.applicationInfo.flags and ApplicationInfo.FLAG_DEBUGGABLE) != 0

private fun thermalState(power: PowerManager): String = when (val status = power.currentThermalStatus) {
    PowerManager.THERMAL_STATUS_NONE -> "none"
    PowerManager.THERMAL_STATUS_LIGHT -> "light"
    PowerManager.THERMAL_STATUS_MODERATE -> "moderate"
    PowerManager.THERMAL_STATUS_SEVERE -> "severe"
    PowerManager.THERMAL_STATUS_CRITICAL -> "critical"
    PowerManager.THERMAL_STATUS_EMERGENCY -> "emergency"
    PowerManager.THERMAL_STATUS_SHUTDOWN -> "shutdown"
    else -> status.toString()
}
