// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.ceil
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put
import kotlinx.serialization.json.putJsonObject

/** How long the steps of the timed runs took, ns. */
internal class RunTimes(capacity: Int) {
    private val steps = linkedMapOf(
        "preprocessing" to LongArray(capacity), "inference" to LongArray(capacity), "decoding" to LongArray(capacity),
    )
    private var count = 0

    /** Add one run by the moments between its steps. */
    fun add(start: Long, preprocessed: Long, inferred: Long, decoded: Long) {
        steps.getValue("preprocessing")[count] = preprocessed - start
        steps.getValue("inference")[count] = inferred - preprocessed
        steps.getValue("decoding")[count] = decoded - inferred
        count++
    }

    /** Percentiles by step in ms; null where nothing was timed. */
    fun summary(): JsonObject? = if (count == 0) null else buildJsonObject {
        for ((step, nanoseconds) in steps) {
            val sorted = nanoseconds.copyOf(count).apply { sort() }
            putJsonObject(step) {
                put("p50_ms", percentile(sorted, 0.5))
                put("p90_ms", percentile(sorted, 0.9))
                put("runs", count)
            }
        }
    }

    /** The least value that at least that part of them does not exceed. */
    private fun percentile(sorted: LongArray, part: Double): Double =
        sorted[(ceil(part * sorted.size).toInt() - 1).coerceAtLeast(0)] / 1e6
}
