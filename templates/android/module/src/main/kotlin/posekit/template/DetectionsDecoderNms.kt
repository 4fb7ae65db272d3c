// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.exp
import kotlin.math.max
import kotlin.math.min

/**
 * Of instances that are one person the best one: greedy non-maximum suppression, by boxes or by keypoints.
 *
 * The best is kept, whatever is too much like it is dropped or, weighted, becomes part of it, and so on with the rest. Equal scores keep the order of
 * the model's rows; what is exactly at the threshold stays.
 *
 * @property mostIn so many candidates by confidence are looked at.
 * @property mostOut so many people are given.
 */
internal class Nms private constructor(
    val kind: Kind,
    private val definition: Definition,
    private val threshold: Double,
    val mostIn: Int,
    val mostOut: Int,
    sigmas: DoubleArray,
) {
    /** What is compared: boxes, keypoints, or nothing where the model gives each person once; WEIGHTED is of boxes too. */
    enum class Kind { IOU, OKS, NONE, WEIGHTED }

    /** INCLUSIVE adds 1 px to every side, as older code does. */
    enum class Definition { PLAIN, INCLUSIVE }

    private val variances = DoubleArray(sigmas.size) { (2 * sigmas[it]) * (2 * sigmas[it]) }
    private val extra = if (definition == Definition.INCLUSIVE) 1.0 else 0.0
    private var dropped = BooleanArray(0)
    private var areas = DoubleArray(0)
    private var owners = IntArray(0)
    private val isOfBoxes = kind == Kind.IOU || kind == Kind.WEIGHTED

    /** Which candidate the one at [place] is part of; -1 for none. */
    fun owner(place: Int): Int = owners[place]

    /**
     * Writes into [kept] the places of those that stay, the best first, and returns how many.
     *
     * [boxes]: x1, y1, x2, y2 of each of [count] candidates, the best first; [keypoints]: x, y of each keypoint of each
     * candidate, read for [Kind.OKS] only. [kept] holds [count] places.
     */
    fun keep(count: Int, boxes: DoubleArray, keypoints: DoubleArray, kept: IntArray): Int {
        if (dropped.size < count) {
            dropped = BooleanArray(count)
            areas = DoubleArray(count)
            owners = IntArray(count)
        }
        owners.fill(-1, 0, count)
        dropped.fill(false, 0, count)
        for (one in 0 until count) areas[one] = area(boxes, 4 * one)
        var found = 0
        for (one in 0 until count) {
            if (dropped[one]) continue
            if (found == mostOut) break
            kept[found++] = one
            owners[one] = one
            if (kind == Kind.NONE) continue
            for (other in one + 1 until count) {
                if (dropped[other]) continue
                val alike = if (isOfBoxes) iou(boxes, one, other) else oks(keypoints, one, other)
                dropped[other] = alike > threshold
                if (dropped[other]) owners[other] = one
            }
        }
        return found
    }

    /** For IoU no side is less than 0. */
    private fun area(boxes: DoubleArray, at: Int): Double {
        val width = boxes[at + 2] - boxes[at]
        val height = boxes[at + 3] - boxes[at + 1]
        return if (isOfBoxes) max(width + extra, 0.0) * max(height + extra, 0.0) else width * height
    }

    private fun iou(boxes: DoubleArray, one: Int, other: Int): Double {
        val a = 4 * one
        val b = 4 * other
        val width = min(boxes[a + 2], boxes[b + 2]) - max(boxes[a], boxes[b]) + extra
        val height = min(boxes[a + 3], boxes[b + 3]) - max(boxes[a + 1], boxes[b + 1]) + extra
        val shared = max(width, 0.0) * max(height, 0.0)
        return shared / max(areas[one] + areas[other] - shared, 1e-12)
    }

    private fun oks(keypoints: DoubleArray, one: Int, other: Int): Double {
        val numbers = 2 * variances.size
        val mean = max((areas[one] + areas[other]) / 2, 1.0)
        var sum = 0.0
        for (k in variances.indices) {
            val dx = keypoints[other * numbers + 2 * k] - keypoints[one * numbers + 2 * k]
            val dy = keypoints[other * numbers + 2 * k + 1] - keypoints[one * numbers + 2 * k + 1]
            sum += exp(-(dx * dx + dy * dy) / (2 * variances[k] * mean))
        }
        return sum / variances.size
    }

    companion object {
        fun of(settings: DecoderSettings): Nms {
            val sigmas = settings.numbers("oks_sigmas")
            if (sigmas.size != settings.keypointCount || !sigmas.all { it > 0 }) {
                throw settings.wrong("oks_sigmas", "${settings.keypointCount} numbers above 0")
            }
            return Nms(
                kind = settings.choice("nms.kind"),
                definition = settings.choice("nms.definition"),
                threshold = settings.number("nms.threshold").also {
                    if (!(it > 0 && it <= 1)) throw settings.wrong("nms.threshold", "a number above 0, at most 1")
                },
                mostIn = settings.positive("nms.most_in"),
                mostOut = settings.positive("nms.most_out"),
                sigmas = sigmas.toDoubleArray(),
            )
        }
    }
}

internal fun DecoderSettings.positive(name: String): Int =
    integer(name).also { if (it < 1) throw wrong(name, "an integer above 0") }
