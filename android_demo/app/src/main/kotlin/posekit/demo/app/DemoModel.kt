// SPDX-License-Identifier: Apache-2.0

package posekit.demo.app

import android.app.Application
import android.content.Context
import android.graphics.Bitmap
import android.net.Uri
import android.os.Handler
import android.os.Looper
import androidx.camera.core.ImageAnalysis
import androidx.lifecycle.AndroidViewModel
import java.util.concurrent.Executor
import posekit.template.AcceleratorUse
import posekit.template.Pixels
import posekit.template.PoseException
import posekit.template.ViewFit

/**
 * What outlives a turn of the device: the model, what was chosen, and what is shown.
 *
 * All of it is for the main thread; the work is done on that of a [PoseWorker], which reports back here.
 */
class DemoModel(application: Application) : AndroidViewModel(application) {
    private val context: Context = application
    private val main = Handler(Looper.getMainLooper())
    private val worker = PoseWorker(application)
    internal val models = bundledModels(application.assets)

    /** Where frames are looked at. */
    internal val executor: Executor get() = worker

    internal var choices = Choices(models.first())
        private set

    /** What runs the model; null while it is loaded, and where that failed. */
    internal var use: AcceleratorUse? = null
        private set
    internal var times: TimesSummary? = null
        private set
    internal var drawing: Drawing? = null
        private set

    /** A picture that is looked at in the place of the camera's frames. */
    internal var picture: Bitmap? = null
        private set

    /** What is wrong as long as it is, or how far the cases are. */
    internal var message: String? = null
        private set

    /** What went wrong once; whoever shows it sets it to null. */
    internal var mishap: String? = null
    internal var isRunningCases = false
        private set

    /** A file that waits to be shared; whoever takes it sets it to null. */
    internal var toShare: SharedFile? = null

    /** Whether the camera was asked for. */
    internal var hasAsked = false

    /** Told of every change but those of one frame to the next, and of these. */
    internal var changed: () -> Unit = {}
    internal var seen: () -> Unit = {}

    init {
        load()
    }

    internal fun choose(next: Choices) {
        val before = choices
        if (next == before) return
        choices = next
        if (!next.isOfTheModelOf(before)) return load()
        drawing = null
        times = null
        worker.execute { worker.adopt(next) }
        lookAgain()
        changed()
    }

    /** Looks at the frames of one camera; each change of the camera asks for another. */
    internal fun analyzer(isFront: Boolean): ImageAnalysis.Analyzer = ImageAnalysis.Analyzer { image ->
        attempt {
            val frame = image.use { worker.look(it) } ?: return@attempt
            val times = worker.timings.summary()
            main.post {
                if (picture != null || isFront != choices.isFront) return@post // a frame that came late
                drawing = Drawing(frame, ViewFit.FILL, isFront)
                this.times = times
                val isWell = message == null || isRunningCases
                if (!isWell) message = null
                if (isWell) seen() else changed()
            }
        }
    }

    /** Show the picture at [uri], and who is in it. */
    internal fun show(uri: Uri) = worker.execute {
        val read = readUpright(context.contentResolver, uri)
        main.post {
            if (read == null) {
                mishap = context.getString(R.string.picture_failed)
            } else {
                picture = read
                drawing = null
                lookAgain()
            }
            changed()
        }
    }

    internal fun backToCamera() {
        picture = null
        drawing = null
        times = null
        val choices = choices
        worker.execute { worker.adopt(choices) }
        changed()
    }

    /** Run the bundle's cases; the model makes room for that, and is loaded again. */
    internal fun runCases() {
        if (isRunningCases) return
        isRunningCases = true
        message = context.getString(R.string.cases_begin)
        val choices = choices
        worker.execute {
            worker.free()
            val run = EvaluationCases(context).run(choices.model) { tell(it) }
            main.post {
                isRunningCases = false
                mishap = run.error?.let { context.getString(R.string.cases_failed, it) }
                toShare = run.answer?.let { SharedFile(it, "application/zip") }
                load()
            }
        }
        changed()
    }

    /** Write a snapshot, and share it. */
    internal fun share(snapshot: Bitmap) = worker.execute {
        val file = writeSnapshot(context, snapshot)
        main.post {
            toShare = file?.let { SharedFile(it, "image/png") }
            if (file == null) mishap = context.getString(R.string.snapshot_failed)
            changed()
        }
    }

    private fun load() {
        use = null
        times = null
        drawing = null
        message = null
        val wanted = choices
        worker.execute {
            attempt {
                val used = worker.load(wanted)
                main.post {
                    if (!wanted.isOfTheModelOf(choices)) return@post // another was chosen in the meantime
                    use = used
                    lookAgain()
                    changed()
                }
            }
        }
        changed()
    }

    private fun lookAgain() {
        val shown = picture ?: return
        worker.execute {
            attempt {
                val frame = worker.lookAt(Pixels.of(shown)) ?: return@attempt
                main.post {
                    if (picture !== shown) return@post
                    drawing = Drawing(frame, ViewFit.FIT, isMirrored = false)
                    changed()
                }
            }
        }
    }

    private fun attempt(work: () -> Unit) = try {
        work()
    } catch (error: PoseException) {
        tell(error.message.orEmpty())
    }

    private fun tell(text: String) {
        main.post {
            message = text
            changed()
        }
    }

    override fun onCleared() = worker.close()
}
