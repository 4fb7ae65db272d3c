// SPDX-License-Identifier: Apache-2.0

package posekit.template

/** Peaks of all keypoints, those of keypoint k from `starts[k]` to before `starts[k + 1]`; x and y in larger maps. */
internal class PafPeaks(val starts: IntArray, val x: DoubleArray, val y: DoubleArray, val scores: DoubleArray) {
    val keypointCount: Int get() = starts.size - 1

    /** How many there are. */
    val size: Int get() = scores.size

    fun of(keypoint: Int): IntRange = starts[keypoint] until starts[keypoint + 1]
}
