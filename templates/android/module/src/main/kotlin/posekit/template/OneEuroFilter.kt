// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.abs

/**
 * Smooths keypoints over time: slow motion strongly, fast motion little.
 *
 * Source: Casiez, Roussel, Vogel 2012, "1 Euro Filter". Not for use by two threads.
 *
 * @property minCutoff Hz; lower is smoother at rest.
 * @property beta higher lags less in motion.
 * @property derivativeCutoff Hz.
 */
public class OneEuroFilter(
    public val minCutoff: Double = 1.0,
    public val beta: Double = 0.01,
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
        val weight = weight(derivativeCutoff, elapsed)
        for (i in value.indices) {
            val change = pose.coordinates[i] - value[i]
            derivative[i] += weight * (change / elapsed - derivative[i])
            value[i] += weight(minCutoff + beta * abs(derivative[i]), elapsed) * change
        }
        return pose.moved(value.copyOf())
    }

    /** Forget the past, as after losing the person. */
    public fun reset() {
        time = Double.NaN
    }

    private fun weight(cutoff: Double, elapsed: Double): Double = 1.0 / (1.0 + 1.0 / (2 * Math.PI * cutoff * elapsed))
}
