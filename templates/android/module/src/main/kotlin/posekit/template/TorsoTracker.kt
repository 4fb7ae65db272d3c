// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.abs
import kotlin.math.max
import kotlin.math.min

/**
 * Follows one person from frame to frame by shoulders and hips, as MoveNet's own crop does: hand [region] to
 * `estimate`, then give its pose to [update]. The region is always a square. Not for use by two threads.
 *
 * Source: MoveNet's published tutorial.
 *
 * @property leftShoulder place of the keypoint in the model's list, as `Keypoint.index` has it; so are the other three.
 * @property minScore a keypoint belongs to the body from this score on; the torso is seen above it.
 * @property torsoMargin by how much the farthest shoulder or hip is exceeded.
 * @property bodyMargin by how much the farthest keypoint is exceeded.
 */
public class TorsoTracker(
    public val leftShoulder: Int,
    public val rightShoulder: Int,
    public val leftHip: Int,
    public val rightHip: Int,
    public val minScore: Double = 0.2,
    public val torsoMargin: Double = 1.9,
    public val bodyMargin: Double = 1.2,
) {
    init {
        for (margin in listOf(torsoMargin, bodyMargin)) {
            require(margin > 0 && margin.isFinite()) { "a margin is $margin, expected a number greater than 0" }
        }
    }

    /** Region for the next frame, px of the upright image; null before the first: see [wholeSquare]. */
    public var region: Region? = null
        private set

    /**
     * Learn from the last frame's [pose]; returns the region for the next frame: the square about the middle of the
     * hips that holds torso and body, which may reach out of the picture of [width] x [height] px, or the whole picture
     * where the torso is not seen, or fills it.
     */
    public fun update(pose: Pose, width: Int, height: Int): Region =
        (ofTorso(pose, width, height) ?: wholeSquare(width, height)).also { region = it }

    /** Forget the person, as after switching cameras. */
    public fun reset() {
        region = null
    }

    private fun ofTorso(pose: Pose, width: Int, height: Int): Region? {
        val shoulders = max(pose.scores[leftShoulder], pose.scores[rightShoulder])
        val hips = max(pose.scores[leftHip], pose.scores[rightHip])
        if (min(shoulders, hips) <= minScore) return null
        val centerX = (pose.x(leftHip) + pose.x(rightHip)) / 2
        val centerY = (pose.y(leftHip) + pose.y(rightHip)) / 2
        fun away(keypoint: Int) = max(abs(pose.x(keypoint) - centerX), abs(pose.y(keypoint) - centerY))
        val torso = listOf(leftShoulder, rightShoulder, leftHip, rightHip).maxOf(::away)
        val body = (0 until pose.count).filter { pose.scores[it] >= minScore }.maxOf(::away)
        val farthestSide = maxOf(maxOf(centerX, width - centerX), maxOf(centerY, height - centerY))
        val half = min(max(torsoMargin * torso, bodyMargin * body), farthestSide)
        if (!(half > 0 && half <= max(width, height) / 2.0)) return null
        return Region(centerX, centerY, 2 * half, 2 * half)
    }

    public companion object {
        /** The whole picture of [width] x [height] px as a square, whose shorter side is padded; for the first frame. */
        @JvmStatic
        public fun wholeSquare(width: Int, height: Int): Region {
            val side = max(width, height).toDouble()
            return Region(width / 2.0, height / 2.0, side, side)
        }
    }
}
