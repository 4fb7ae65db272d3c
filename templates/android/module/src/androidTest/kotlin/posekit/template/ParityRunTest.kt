// SPDX-License-Identifier: Apache-2.0

package posekit.template

import android.content.Context
import android.content.pm.ApplicationInfo
import android.os.Build
import android.os.PowerManager
import android.util.Log
import androidx.test.ext.junit.runners.AndroidJUnit4
import androidx.test.platform.app.InstrumentationRegistry
import java.io.File
import org.junit.Assert.assertNull
import org.junit.Test
import org.junit.runner.RunWith

private const val TAG = "posekit"

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
 * Runs a request on this device: `runDir` names its folder, and the answer goes to files/posekit/, in a folder of the
 * same name. Without `runDir` there is nothing to run. `gpuFullPrecision` asks for float32 on the GPU.
 */
@RunWith(AndroidJUnit4::class)
class ParityRunTest {
    @Test
    fun runsTheRequest() {
        val arguments = InstrumentationRegistry.getArguments()
        val runDir = arguments.getString("runDir")
        if (runDir == null) {
            Log.i(TAG, "no runDir: nothing to run")
            return
        }
        val context = InstrumentationRegistry.getInstrumentation().targetContext
        val out = File(context.filesDir, "posekit/${File(runDir).name}")
        val precise = arguments.getString("gpuFullPrecision").toBoolean()
        val error = DeviceRun(context, thisDevice(context), File(runDir), out, precise).run { Log.i(TAG, it) }
        Log.i(TAG, error ?: "done: $out")
        assertNull(error, error)
    }

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
}
