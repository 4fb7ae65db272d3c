// SPDX-License-Identifier: Apache-2.0

package posekit.demo.app

import android.graphics.Color
import posekit.template.DepthDirection
import posekit.template.LivePerson
import posekit.template.TemplatePose as PoseModel
import posekit.template.TemplatePoseContract as PoseModelContract

private const val GOLDEN_ANGLE = 137.5f // neighbouring numbers get hues that are far apart
private const val FAR_HUE = 240f

/** The colour of number [number], fully opaque. */
internal fun colorOf(number: Int, alpha: Int = 255): Int =
    Color.HSVToColor(alpha, floatArrayOf((number * GOLDEN_ANGLE).mod(360f), 0.75f, 1f))

/** Whether a keypoint is sure enough to be drawn. */
internal fun isSure(score: Double): Boolean = score >= PoseModelContract.TRACKER_MIN_SCORE

/** Colours of keypoints by depth, red near the camera and blue away from it; of the people of one frame. */
internal class DepthColors private constructor(private val nearest: Double, private val farthest: Double) {
    /** Of a keypoint at depth [z]. */
    fun at(z: Double): Int {
        val range = farthest - nearest
        val away = if (range == 0.0) 0.5 else ((z - nearest) / range).coerceIn(0.0, 1.0)
        return Color.HSVToColor(floatArrayOf((FAR_HUE * away).toFloat(), 0.85f, 1f))
    }

    companion object {
        /** Null where the model gives no depth, or nobody is there. */
        fun of(people: List<LivePerson>): DepthColors? {
            val depth = PoseModelContract.DEPTH ?: return null
            val seen = people.flatMap { person ->
                PoseModel.Keypoint.entries.map { person.pose[it] }.filter { isSure(it.score) }.mapNotNull { it.z }
            }
            val lowest = seen.minOrNull() ?: return null
            val highest = seen.max()
            val isAway = depth.direction == DepthDirection.AWAY
            return if (isAway) DepthColors(lowest, highest) else DepthColors(highest, lowest)
        }
    }
}
