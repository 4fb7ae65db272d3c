// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.buffer
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.flow.flowOn

/**
 * A camera's frame that waits to be looked at.
 *
 * @property timestampNanos when it was taken, by the camera's clock.
 * @param release gives the frame's memory back to the camera: called once, after it was looked at or passed over.
 */
public class CameraFrame @JvmOverloads constructor(
    public val pixels: Pixels,
    public val orientation: Orientation,
    public val timestampNanos: Long,
    private val release: () -> Unit = {},
) : AutoCloseable {
    override fun close(): Unit = release()
}

/** What was seen in the frame that was taken at [timestampNanos]. */
public data class Timed<out T>(public val value: T, public val timestampNanos: Long)

/**
 * Hands the newest frame of a camera to a model; those that come while it is busy take each other's place.
 *
 * Give frames with [offer] from any thread, and collect [results] once.
 */
public class LatestFrames : AutoCloseable {
    private val frames = Channel<CameraFrame>(Channel.CONFLATED, onUndeliveredElement = CameraFrame::close)

    /** Leave [frame] to be looked at next; one that still waits is passed over. */
    public fun offer(frame: CameraFrame) {
        if (!frames.trySend(frame).isSuccess) frame.close()
    }

    /**
     * What [look] sees in frame after frame, until [close]; what it throws ends the flow.
     *
     * @param dispatcher where [look] is called, which blocks while the model works.
     */
    public fun <T> results(dispatcher: CoroutineDispatcher = Dispatchers.IO, look: (CameraFrame) -> T): Flow<Timed<T>> = flow {
        for (frame in frames) {
            emit(frame.use { Timed(look(it), it.timestampNanos) })
        }
    }.buffer(Channel.RENDEZVOUS).flowOn(dispatcher) // or results of old frames would wait for a slow collector

    /** End the flow of [results]; the frame that waits is passed over. */
    override fun close() {
        frames.close()
        while (true) frames.tryReceive().getOrNull()?.close() ?: return
    }
}
