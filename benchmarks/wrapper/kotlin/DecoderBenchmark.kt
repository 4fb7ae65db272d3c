// SPDX-License-Identifier: Apache-2.0

package posekit.template

import com.sun.management.ThreadMXBean
import java.io.File
import java.lang.management.ManagementFactory
import kotlin.math.max
import kotlinx.serialization.json.JsonObject

private const val FRAMES = 100
private const val WARM_UP = 150
private const val WARM_UP_NANOSECONDS = 1_500_000_000L

/**
 * Thread CPU time and allocation of each decoder on the golden cases of the folder `posekit.golden`, a line of JSON each,
 * with how far its people are from Python's.
 */
public object DecoderBenchmark {
    private val threads = ManagementFactory.getThreadMXBean() as ThreadMXBean

    @JvmStatic
    public fun main(arguments: Array<String>) {
        val folder = File(System.getProperty("posekit.golden"))
        for ((kind, of) in DECODERS) {
            if (File(folder, "$kind.json").isFile) goldenCases(kind).forEach { println(timed(it, of(decoderSettings(it)))) }
        }
    }

    private fun timed(case: JsonObject, decoder: Decoder): String {
        val errors = decoderErrors(case, decoder)
        val outputs = goldenOutputs(case)
        val nanoseconds = LongArray(FRAMES)
        val end = System.nanoTime() + WARM_UP_NANOSECONDS
        var warm = 0
        while (warm < WARM_UP || System.nanoTime() < end) {
            decoder.decode(outputs)
            warm++
        }
        val thread = Thread.currentThread().id
        val before = threads.getThreadAllocatedBytes(thread)
        for (i in 0 until FRAMES) {
            val start = threads.currentThreadCpuTime
            decoder.decode(outputs)
            nanoseconds[i] = threads.currentThreadCpuTime - start
        }
        val bytes = (threads.getThreadAllocatedBytes(thread) - before) / FRAMES
        nanoseconds.sort()
        return json(
            "name" to "\"${case.text("name")}\"", "median_ms" to nanoseconds[FRAMES / 2] / 1e6,
            "p90_ms" to nanoseconds[FRAMES * 9 / 10] / 1e6, "bytes" to bytes, "count" to errors.count,
            "off" to max(errors.keypoints, max(errors.box, errors.scores)),
        )
    }
}
