// SPDX-License-Identifier: Apache-2.0

package posekit.template

import android.util.Log
import androidx.test.ext.junit.runners.AndroidJUnit4
import androidx.test.platform.app.InstrumentationRegistry
import java.io.File
import org.junit.Assert.assertNull
import org.junit.Test
import org.junit.runner.RunWith

private const val TAG = "posekit"

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
        val error = runOnThisDevice(context, File(runDir), out, gpuFullPrecision = precise) { Log.i(TAG, it) }
        Log.i(TAG, error ?: "done: $out")
        assertNull(error, error)
    }
}
