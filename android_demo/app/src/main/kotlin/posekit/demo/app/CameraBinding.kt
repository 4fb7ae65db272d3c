// SPDX-License-Identifier: Apache-2.0

package posekit.demo.app

import android.util.Size
import androidx.activity.ComponentActivity
import androidx.camera.core.CameraInfoUnavailableException
import androidx.camera.core.CameraSelector
import androidx.camera.core.ImageAnalysis
import androidx.camera.core.Preview
import androidx.camera.core.resolutionselector.AspectRatioStrategy
import androidx.camera.core.resolutionselector.ResolutionSelector
import androidx.camera.core.resolutionselector.ResolutionStrategy
import androidx.camera.lifecycle.ProcessCameraProvider
import androidx.camera.view.PreviewView
import androidx.core.content.ContextCompat
import java.util.concurrent.ExecutionException
import java.util.concurrent.Executor

private val FRAME_SIZE = Size(640, 480)

/** The activity's camera: what it sees goes to [view], and frame after frame to an analyzer on [executor]. */
internal class CameraBinding(
    private val activity: ComponentActivity,
    private val view: PreviewView,
    private val executor: Executor,
) {
    private var provider: ProcessCameraProvider? = null
    private var preview: Preview? = null
    private var analysis: ImageAnalysis? = null

    init {
        view.scaleType = PreviewView.ScaleType.FILL_CENTER // which ViewFit.FILL is the same as
        view.implementationMode = PreviewView.ImplementationMode.COMPATIBLE // turns and clips as other views do
    }

    /** Find the device's cameras; [ready] is told on the main thread, with what went wrong, null when nothing did. */
    fun open(ready: (String?) -> Unit) {
        val future = ProcessCameraProvider.getInstance(activity)
        val listener = Runnable {
            val failure = try {
                provider = future.get()
                null
            } catch (error: ExecutionException) {
                error.cause?.message ?: error.message.orEmpty()
            }
            ready(failure)
        }
        future.addListener(listener, ContextCompat.getMainExecutor(activity))
    }

    /** Whether the device has a camera on that side. */
    fun has(isFront: Boolean): Boolean = try {
        provider?.hasCamera(selector(isFront)) == true
    } catch (_: CameraInfoUnavailableException) {
        false
    }

    /** Show one side's camera, in the place of the other's; what went wrong, null when nothing did. */
    fun bind(isFront: Boolean, analyzer: ImageAnalysis.Analyzer): String? {
        val provider = provider ?: return null
        release()
        // both of one shape, so that they see the same
        val preview = Preview.Builder().setResolutionSelector(selector(null)).build()
        val analysis = ImageAnalysis.Builder().setResolutionSelector(selector(FRAME_SIZE)).build()
        preview.setSurfaceProvider(view.surfaceProvider)
        analysis.setAnalyzer(executor, analyzer)
        return try {
            provider.bindToLifecycle(activity, selector(isFront), preview, analysis)
            this.preview = preview
            this.analysis = analysis
            turn()
            null
        } catch (error: IllegalArgumentException) {
            error.message.orEmpty()
        } catch (error: IllegalStateException) {
            error.message.orEmpty()
        }
    }

    /** Tell the camera how the display is turned, which may change without the activity being made anew. */
    fun turn() {
        val rotation = view.display?.rotation ?: return // CameraX knows how it was at first
        preview?.targetRotation = rotation
        analysis?.targetRotation = rotation
    }

    /** Let go of the camera. */
    fun release() {
        analysis?.clearAnalyzer()
        provider?.unbind(*listOfNotNull(preview, analysis).toTypedArray())
        analysis = null
        preview = null
    }

    private fun selector(isFront: Boolean): CameraSelector =
        if (isFront) CameraSelector.DEFAULT_FRONT_CAMERA else CameraSelector.DEFAULT_BACK_CAMERA

    private fun selector(size: Size?): ResolutionSelector {
        val builder = ResolutionSelector.Builder()
            .setAspectRatioStrategy(AspectRatioStrategy.RATIO_4_3_FALLBACK_AUTO_STRATEGY)
        if (size != null) {
            val rule = ResolutionStrategy.FALLBACK_RULE_CLOSEST_HIGHER_THEN_LOWER
            builder.setResolutionStrategy(ResolutionStrategy(size, rule))
        }
        return builder.build()
    }
}
