// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.abs
import kotlin.math.max
import kotlin.math.min

internal const val MIN_KEYPOINTS: Int = 4 // fewer say too little about where the person is; a smaller skeleton needs them all

/**
 * The region for the next frame, or null when the person is lost and the app should look anew.
 *
 * The box of the keypoints with at least [minScore] is grown by [margin], because a person reaches beyond the
 * keypoints, and becomes a region as any box does.
 */
internal fun nextRegion(pose: Pose, input: InputSpec, minScore: Double, margin: Double): Region? {
    val box = sureBox(pose, minScore) ?: return null
    val centerX = (box.left + box.right) / 2
    val centerY = (box.top + box.bottom) / 2
    val halfWidth = (box.right - box.left) / 2 * margin
    val halfHeight = (box.bottom - box.top) / 2 * margin
    return regionFromBox(
        centerX - halfWidth, centerY - halfHeight, centerX + halfWidth, centerY + halfHeight, input, input.boxPadding,
    )
}

/**
 * The box around the keypoints of [pose] with at least [minScore]; null where they are too few, one place, or too far
 * away.
 */
internal fun sureBox(pose: Pose, minScore: Double): Box? {
    var seen = 0
    var left = Double.POSITIVE_INFINITY
    var top = Double.POSITIVE_INFINITY
    var right = Double.NEGATIVE_INFINITY
    var bottom = Double.NEGATIVE_INFINITY
    for (k in 0 until pose.count) {
        if (!(pose.scores[k] >= minScore)) continue
        seen++
        left = min(left, pose.x(k))
        right = max(right, pose.x(k))
        top = min(top, pose.y(k))
        bottom = max(bottom, pose.y(k))
    }
    if (seen < min(MIN_KEYPOINTS, pose.count) || max(right - left, bottom - top) <= 0) return null
    val farthest = max(max(abs(left), abs(right)), max(abs(top), abs(bottom)))
    return if (farthest <= FARTHEST_PX) Box(left, top, right, bottom) else null
}

/**
 * Follows one person from frame to frame: hand [region] to `estimate`, then give its pose to [update].
 *
 * Make one with the generated class's `regionTracker()`. Not for use by two threads.
 *
 * @property minScore a keypoint counts from this score on. What a score is worth differs from model to model: print those
 *   of people and of empty pictures, and choose between.
 * @property margin by how much the keypoints' box is grown, 1.2 for a fifth.
 */
public class RegionTracker internal constructor(
    private val input: InputSpec,
    public val minScore: Double,
    public val margin: Double,
) {
    init {
        require(margin > 0 && margin.isFinite()) { "margin is $margin, expected a number greater than 0" }
    }

    /** Region for the next frame, px of the upright image; null while nobody is followed: the whole frame. */
    public var region: Region? = null
        private set

    /** Learn from the last frame's [pose]; returns the region for the next frame, null when the person is lost. */
    public fun update(pose: Pose): Region? {
        region = nextRegion(pose, input, minScore, margin)
        return region
    }

    /** Forget the person, as after switching cameras. */
    public fun reset() {
        region = null
    }
}
