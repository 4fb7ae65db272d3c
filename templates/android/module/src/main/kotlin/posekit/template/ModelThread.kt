// SPDX-License-Identifier: Apache-2.0

package posekit.template

import java.util.concurrent.ExecutionException
import java.util.concurrent.ExecutorService
import java.util.concurrent.Executors
import java.util.concurrent.Future

/**
 * The one thread that creates, runs and frees a model, as GPU runtimes ask for; callers on any thread wait for it.
 *
 * Calls are taken one after another, in the order in which they come.
 */
internal class ModelThread private constructor(private val what: String) {
    private val executor: ExecutorService = Executors.newSingleThreadExecutor { work ->
        Thread(work, what).apply {
            isDaemon = true // a model that is never closed keeps no process alive
            priority = Thread.NORM_PRIORITY // not that of whoever creates it, often a thread of low priority
        }
    }
    private var closed = false

    /** What [work] gives on the thread; [IllegalStateException] after [close]. What [work] throws comes through. */
    fun <T> call(work: () -> T): T {
        val result = synchronized(this) {
            check(!closed) { "$what is used after close()" }
            executor.submit(work)
        }
        return result.await()
    }

    /** Take [last] when all calls before it are done, and no more after it; a second time nothing. */
    fun close(last: () -> Unit) {
        val result = synchronized(this) {
            if (closed) return
            closed = true
            executor.submit(last).also { executor.shutdown() }
        }
        result.await()
    }

    companion object {
        /** What [make] gives on a new thread, which ends with what is made of it; where [make] throws, at once. */
        fun <T> start(what: String, make: (ModelThread) -> T): T {
            val thread = ModelThread(what)
            return closingOnFailure(listOf(AutoCloseable { thread.close {} })) { thread.call { make(thread) } }
        }
    }
}

/**
 * The result, as if it had been computed here.
 *
 * An interrupted caller still waits, so that no picture is read after its call; the interrupt is kept for later.
 */
private fun <T> Future<T>.await(): T {
    var interrupted = false
    try {
        while (true) {
            try {
                @Suppress("UNCHECKED_CAST") // Android's API says that any future may give null
                return get() as T
            } catch (_: InterruptedException) {
                interrupted = true
            } catch (error: ExecutionException) {
                throw (error.cause ?: error).apply { stackTrace += Throwable().stackTrace } // else nobody sees who called
            }
        }
    } finally {
        if (interrupted) Thread.currentThread().interrupt()
    }
}
