// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.abs
import kotlin.math.max

/**
 * Smooths keypoints over time: slow motion strongly, fast motion little.
 *
 * Source: Casiez, Roussel, Vogel 2012, "1 Euro Filter". Not for use by two threads.
 *
 * @property minCutoff Hz; lower is smoother at rest.
 * @property beta Hz per size of the person a second; higher lags less in motion. The size is the longer side of the box
 *   around the keypoints, so that near and far people are smoothed alike.
 * @property derivativeCutoff Hz.
 */
public class OneEuroFilter(
    public val minCutoff: Double = 0.5,
    public val beta: Double = 5.0,
    public val derivativeCutoff: Double = 1.0,
) {
    private var time = Double.NaN
    private var value = DoubleArray(0)
    private var derivative = DoubleArray(0)

    /** [pose] smoothed; [timeSeconds] must go forward, else the filter starts anew. All but coordinates stay as they are. */
    public fun smooth(pose: Pose, timeSeconds: Double): Pose {
        val elapsed = timeSeconds - time
        time = timeSeconds
        if (!(elapsed > 0) || value.size != pose.coordinates.size) {
            value = pose.coordinates.copyOf()
            derivative = DoubleArray(value.size)
            return pose
        }
        val learnt = lowPassWeight(derivativeCutoff, elapsed)
        val perPx = beta / size(pose)
        for (i in value.indices) {
            val change = pose.coordinates[i] - value[i]
            derivative[i] += learnt * (change / elapsed - derivative[i])
            value[i] += lowPassWeight(minCutoff + perPx * abs(derivative[i]), elapsed) * change
        }
        return pose.moved(value.copyOf())
    }

    /** Forget the past, as after losing the person. */
    public fun reset() {
        time = Double.NaN
    }

    /** Of the box around the keypoints, a tenth of them left out at each end: one that flies off makes nobody larger. */
    private fun size(pose: Pose): Double {
        val spare = pose.count / 10
        fun side(along: DoubleArray): Double = along.apply { sort() }.let { it[pose.count - 1 - spare] - it[spare] }
        val size = max(side(DoubleArray(pose.count, pose::x)), side(DoubleArray(pose.count, pose::y)))
        return if (size == 0.0) SIZE_OF_A_POINT else size
    }
}

private const val SIZE_OF_A_POINT = 100.0 // px: a single keypoint has no size of its own

/** How much of a new value a low-pass filter of that [cutoff] (Hz) takes after [elapsed] seconds. */
internal fun lowPassWeight(cutoff: Double, elapsed: Double): Double = 1.0 / (1.0 + 1.0 / (2 * Math.PI * cutoff * elapsed))
