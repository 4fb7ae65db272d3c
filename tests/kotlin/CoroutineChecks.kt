// SPDX-License-Identifier: Apache-2.0

package posekit.template

import android.content.Context
import com.google.ai.edge.litert.FakeLiteRt
import java.util.concurrent.CountDownLatch
import java.util.concurrent.Executors
import java.util.concurrent.TimeUnit
import java.util.concurrent.atomic.AtomicInteger
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.asCoroutineDispatcher
import kotlinx.coroutines.async
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.delay
import kotlinx.coroutines.flow.toList
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeout

/** The optional coroutine sources; for [FacadeChecks]. */
internal object CoroutineChecks {
    private const val MILLIS = 20_000L

    private fun pixels() = Pixels.of(FacadeChecks.bitmap())

    /** Created, used and closed on dispatchers of other threads, the runtime sees one. */
    fun hops(context: Context): Boolean = runBlocking {
        Executors.newSingleThreadExecutor().asCoroutineDispatcher().use { own ->
            val model = withContext(Dispatchers.Default) { TemplatePose.awaitCreate(context) }
            val poses = listOf(Dispatchers.IO, own, Dispatchers.Default).map { withContext(it) { model.awaitEstimate(pixels()) } }
            withContext(own) { model.close() }
            val isRefused = try {
                model.awaitEstimate(pixels())
                false
            } catch (_: IllegalStateException) {
                true
            }
            isRefused && poses.distinct().size == 1 && FakeLiteRt.threads.size == 1
        }
    }

    /** Who is cancelled while the model is loaded leaves none behind. */
    fun cancelledAsItLoads(context: Context): Boolean {
        val isLoading = CountDownLatch(1)
        val mayEnd = CountDownLatch(1)
        FakeLiteRt.whileRunning = {
            isLoading.countDown()
            check(mayEnd.await(MILLIS, TimeUnit.MILLISECONDS)) { "nobody lets the loading end" }
        }
        return runBlocking {
            withTimeout(MILLIS) {
                val loads = async(Dispatchers.Default) { TemplatePose.awaitCreate(context) }
                withContext(Dispatchers.IO) { isLoading.await() }
                loads.cancel()
                mayEnd.countDown()
                loads.join()
                loads.isCancelled && FakeLiteRt.openHandles == 0
            }
        }
    }

    /** While results wait for who collects them, no more frames are looked at; the newest one waits. */
    fun slowCollector(): Boolean = runBlocking {
        withTimeout(MILLIS) {
            val looked = Channel<Long>(Channel.UNLIMITED)
            val mayCollect = CompletableDeferred<Unit>()
            val frames = LatestFrames()
            fun offer(time: Long) = frames.offer(CameraFrame(pixels(), Orientation.UPRIGHT, time))
            val seen = async(Dispatchers.Default) {
                val times = mutableListOf<Long>()
                frames.results { it.timestampNanos.also(looked::trySend) }.collect { found ->
                    mayCollect.await()
                    times += found.value
                    if (found.value == 4L) frames.close()
                }
                times
            }
            for (time in 1L..2L) {
                offer(time)
                check(looked.receive() == time)
            }
            offer(3)
            delay(100)
            offer(4)
            val isHeld = looked.tryReceive().isFailure
            mayCollect.complete(Unit)
            isHeld && seen.await() == listOf(1L, 2L, 4L)
        }
    }

    /** Of five frames that come during the first one's run the last is looked at; all are given back. */
    fun latestFrame(context: Context): Boolean = TemplatePose.create(context).use { model ->
        val isRunning = CountDownLatch(1)
        val mayEnd = CountDownLatch(1)
        FakeLiteRt.whileRunning = {
            isRunning.countDown()
            check(mayEnd.await(MILLIS, TimeUnit.MILLISECONDS)) { "nobody lets the run end" }
        }
        val released = AtomicInteger()
        val frames = LatestFrames()
        fun offer(time: Long) = frames.offer(CameraFrame(pixels(), Orientation.UPRIGHT, time) { released.incrementAndGet() })
        runBlocking {
            withTimeout(MILLIS) {
                val seen = async(Dispatchers.Default) {
                    val looked = frames.results { frame ->
                        model.estimate(frame.pixels, frame.orientation).also { if (frame.timestampNanos == 6L) frames.close() }
                    }
                    looked.toList()
                }
                offer(1)
                withContext(Dispatchers.IO) { isRunning.await() }
                (2L..6L).forEach(::offer)
                mayEnd.countDown()
                val times = seen.await().map { it.timestampNanos }
                offer(7) // after the end
                times == listOf(1L, 6L) && released.get() == 7
            }
        }
    }
}
