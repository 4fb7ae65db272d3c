// SPDX-License-Identifier: Apache-2.0

package posekit.demo.app

import kotlin.math.ceil
import posekit.template.StepTimes

private const val CAPACITY = 120

/** The middle of some times, and what nine of ten stay below, in milliseconds. */
internal class Spread(val p50: Double, val p90: Double) {
    companion object {
        fun of(values: Collection<Double>): Spread {
            val sorted = values.sorted()
            fun rank(share: Double) = sorted[(ceil(share * sorted.size).toInt() - 1).coerceAtLeast(0)]
            return Spread(rank(0.5), rank(0.9))
        }
    }
}

/** The last frames' times. */
internal class TimesSummary(
    val preprocessing: Spread,
    val inference: Spread,
    val decoding: Spread,
    val betweenFrames: Spread?,
)

/** Of the last frames, what each step took and how far they are apart. */
internal class Timings {
    private val steps = ArrayDeque<StepTimes>()
    private val gaps = ArrayDeque<Double>()
    private var last: Long? = null

    /** A frame was done at [nanoseconds]. */
    fun add(times: StepTimes, nanoseconds: Long) {
        last?.let { gaps.addLast((nanoseconds - it) / 1e6) }
        last = nanoseconds
        steps.addLast(times)
        if (steps.size > CAPACITY) steps.removeFirst()
        if (gaps.size > CAPACITY) gaps.removeFirst()
    }

    /** Forget all, as where the camera or the model is another. */
    fun clear() {
        steps.clear()
        gaps.clear()
        last = null
    }

    /** Null before the first frame. */
    fun summary(): TimesSummary? {
        if (steps.isEmpty()) return null
        return TimesSummary(
            Spread.of(steps.map { it.preprocessingMs }),
            Spread.of(steps.map { it.inferenceMs }),
            Spread.of(steps.map { it.decodingMs }),
            if (gaps.isEmpty()) null else Spread.of(gaps),
        )
    }
}
