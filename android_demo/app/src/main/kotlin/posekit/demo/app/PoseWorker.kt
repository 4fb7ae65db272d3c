// SPDX-License-Identifier: Apache-2.0

package posekit.demo.app

import android.content.Context
import androidx.camera.core.ImageProxy
import java.util.concurrent.Executor
import java.util.concurrent.Executors
import java.util.concurrent.RejectedExecutionException
import posekit.template.AcceleratorUse
import posekit.template.LiveFrame
import posekit.template.LivePoses
import posekit.template.Options
import posekit.template.Orientation
import posekit.template.Pixels
import posekit.template.TemplatePose as PoseModel

/** A model that is loaded, and who is followed with it. */
private class Loaded(val model: PoseModel, val poses: LivePoses)

/**
 * The thread on which the model is loaded, looks, and is freed, one after another.
 *
 * It is an [Executor] for CameraX, too; after [close] it takes nothing.
 */
internal class PoseWorker(private val context: Context) : Executor, AutoCloseable {
    private val thread = Executors.newSingleThreadExecutor { Thread(it, "poses") }
    private var loaded: Loaded? = null // on the thread alone, as the times are

    /** Of the frames since the model or the camera changed. */
    val timings = Timings()

    override fun execute(work: Runnable) {
        try {
            thread.execute(work)
        } catch (_: RejectedExecutionException) {
            // a frame, or a wish, that came after the end
        }
    }

    /** Load the model that was chosen in the place of the one before; on the thread. PoseException where that fails. */
    fun load(choices: Choices): AcceleratorUse {
        free()
        val options = Options(choices.accelerator, modelFile = choices.model.file)
        val model = PoseModel.create(context, options)
        loaded = Loaded(model, LivePoses(model))
        adopt(choices)
        return model.accelerator
    }

    /** Track and smooth as chosen, and begin anew with whoever comes; on the thread. */
    fun adopt(choices: Choices) {
        timings.clear()
        loaded?.poses?.apply {
            isTracking = choices.isTracking
            isSmoothing = choices.isSmoothing
            reset()
        }
    }

    /** What is in a camera's frame, whose planes are read where they lie; null without a model. On the thread. */
    fun look(image: ImageProxy): LiveFrame? {
        val poses = loaded?.poses ?: return null
        val (y, u, v) = image.planes.map { Pixels.Plane(it.buffer, it.rowStride, it.pixelStride) }
        val pixels = Pixels.yuv420(y, u, v, image.width, image.height)
        val info = image.imageInfo
        val frame = poses.look(pixels, Orientation(info.rotationDegrees), info.timestamp / 1e9)
        timings.add(frame.times, System.nanoTime())
        return frame
    }

    /** What is in a single picture; null without a model. On the thread. */
    fun lookAt(pixels: Pixels): LiveFrame? = loaded?.poses?.lookAt(pixels, Orientation.UPRIGHT)

    /** Free the model; on the thread. */
    fun free() {
        val before = loaded ?: return
        loaded = null
        before.model.close()
    }

    override fun close() {
        execute(::free)
        thread.shutdown()
    }
}
