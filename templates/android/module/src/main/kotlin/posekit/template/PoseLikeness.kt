// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.exp
import kotlin.math.max
import kotlin.math.min

/** How alike [pose] is to [other], over the keypoints that are sure in both; 0 where those are too few. */
internal fun oks(pose: Pose, other: Pose, sigmas: DoubleArray, minScore: Double): Double {
    var left = Double.POSITIVE_INFINITY
    var top = Double.POSITIVE_INFINITY
    var right = Double.NEGATIVE_INFINITY
    var bottom = Double.NEGATIVE_INFINITY
    var both = 0
    for (k in 0 until other.count) {
        if (!(other.scores[k] >= minScore)) continue
        left = min(left, other.x(k))
        right = max(right, other.x(k))
        top = min(top, other.y(k))
        bottom = max(bottom, other.y(k))
        if (pose.scores[k] >= minScore) both++
    }
    if (both < min(MIN_KEYPOINTS, other.count)) return 0.0
    val area = (right - left) * (bottom - top) + 1e-6
    var sum = 0.0
    for (k in 0 until other.count) {
        if (!(other.scores[k] >= minScore && pose.scores[k] >= minScore)) continue
        val dx = pose.x(k) - other.x(k)
        val dy = pose.y(k) - other.y(k)
        val spread = 2 * sigmas[k]
        sum += exp(-(dx * dx + dy * dy) / (2 * area * (spread * spread)))
    }
    return sum / both
}

/** Intersection over union of two boxes; 0 where both are empty. */
internal fun iou(one: Box?, other: Box?): Double {
    if (one == null || other == null) return 0.0
    val width = min(one.right, other.right) - max(one.left, other.left)
    val height = min(one.bottom, other.bottom) - max(one.top, other.top)
    val shared = max(width, 0.0) * max(height, 0.0)
    return shared / max(area(one) + area(other) - shared, 1e-12)
}

private fun area(box: Box): Double = max(box.right - box.left, 0.0) * max(box.bottom - box.top, 0.0)
