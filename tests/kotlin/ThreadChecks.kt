// SPDX-License-Identifier: Apache-2.0

package posekit.template

import android.content.Context
import com.google.ai.edge.litert.FakeLiteRt
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import kotlin.concurrent.thread

/** The generated class called from many threads; for [FacadeChecks]. */
internal object ThreadChecks {
    private const val SECONDS = 20L

    private fun bitmap() = FacadeChecks.bitmap()

    /** Eight threads at once see what one sees. */
    fun anyThread(context: Context): Boolean = TemplatePose.create(context).use { model ->
        val expected = model.estimate(bitmap())
        val seen = java.util.Collections.synchronizedList(mutableListOf<Pose>())
        List(8) { thread { repeat(5) { seen += model.estimate(bitmap()) } } }.forEach(Thread::join)
        seen.size == 40 && seen.all { it == expected }
    }

    /** Which creates, runs and frees the model, whoever calls. */
    fun oneForTheRuntime(context: Context): Boolean {
        lateinit var model: TemplatePose
        thread { model = TemplatePose.create(context) }.join()
        model.estimate(bitmap())
        thread { model.estimate(bitmap()) }.join()
        thread { model.close() }.join()
        return FakeLiteRt.threads.size == 1 && Thread.currentThread() !in FakeLiteRt.threads
    }

    fun noneIsLeft(context: Context, empty: Context): Boolean {
        TemplatePose.create(context).close()
        try {
            TemplatePose.create(empty)
        } catch (_: ModelMissingException) {
        }
        FakeLiteRt.cpuFailure = IllegalStateException("no")
        FakeLiteRt.gpuFailure = IllegalStateException("no")
        try {
            TemplatePose.create(context)
        } catch (_: AcceleratorException) {
        }
        val deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS)
        while (isAlive() && System.nanoTime() < deadline) Thread.sleep(1) // a closed one ends a little later
        return !isAlive()
    }

    private fun isAlive() = Thread.getAllStackTraces().keys.any { it.name == "TemplatePose" }

    /** The run ends and gives its pose, closing waits for it, and who comes later is told. */
    fun closedDuringARun(context: Context): Boolean {
        val model = TemplatePose.create(context)
        val expected = model.estimate(bitmap())
        val isRunning = CountDownLatch(1)
        val mayEnd = CountDownLatch(1)
        FakeLiteRt.whileRunning = {
            isRunning.countDown()
            check(mayEnd.await(SECONDS, TimeUnit.SECONDS)) { "nobody lets the run end" }
        }
        var seen: Pose? = null
        val runs = thread { seen = model.estimate(bitmap()) }
        check(isRunning.await(SECONDS, TimeUnit.SECONDS)) { "it does not run" }
        val closes = thread { model.close() }
        while (closes.state != Thread.State.WAITING) Thread.sleep(1)
        val isRefused = try {
            model.estimate(bitmap())
            false
        } catch (error: IllegalStateException) {
            error.message == "TemplatePose is used after close()"
        }
        val waited = closes.isAlive && FakeLiteRt.openHandles > 0
        mayEnd.countDown()
        runs.join()
        closes.join()
        return isRefused && waited && seen == expected && FakeLiteRt.openHandles == 0
    }

    /** An interrupted thread gets its pose, and its interrupt after it. */
    fun interrupted(context: Context): Boolean = TemplatePose.create(context).use { model ->
        val expected = model.estimate(bitmap())
        var isKept = false
        thread {
            Thread.currentThread().interrupt()
            isKept = model.estimate(bitmap()) == expected && Thread.interrupted()
        }.join()
        isKept
    }

    /** What the model's thread throws says where the app has called. */
    fun saysWhoCalled(context: Context): Boolean = TemplatePose.create(context).use { model ->
        FakeLiteRt.failsNext = "tiny-pose2.tflite"
        val failure = try {
            model.estimate(bitmap())
            null
        } catch (error: InferenceException) {
            error
        }
        failure != null && failure.stackTrace.any { it.methodName == "saysWhoCalled" }
    }

    /** What the runtime throws is a [PoseException] with its cause, and the next picture is looked at as before. */
    fun fails(context: Context, plant: () -> Unit): Boolean = TemplatePose.create(context).use { model ->
        val expected = model.estimate(bitmap())
        plant()
        val failure = try {
            model.estimate(bitmap())
            null
        } catch (error: PoseException) {
            error
        }
        failure is InferenceException && failure.cause is com.google.ai.edge.litert.LiteRtException &&
            model.estimate(bitmap()) == expected
    }
}
