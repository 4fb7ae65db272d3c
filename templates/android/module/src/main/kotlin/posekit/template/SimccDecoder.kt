// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.exp
import kotlin.math.min

/** SimCC, one 1-D map an axis and keypoint, (1, K, bins): a bin's index over splitRatio is its input px; and depth. */
internal class SimccDecoder private constructor(
    private val outputX: String,
    private val outputY: String,
    private val splitRatio: Double,
    private val scoreReduction: ScoreReduction,
    private val refinement: Refinement,
    private val activation: Activation,
    private val depth: Depths?,
    private val keypointCount: Int,
) : Decoder {
    /** Bin i of an output is a z of (i / [bins] - 0.5) * [extent]. */
    private class Depths(val output: String, val bins: Int, val extent: Double) {
        fun at(place: Double): Double = (place / bins - 0.5) * extent
    }

    enum class ScoreReduction { MIN, MEAN }

    enum class Refinement { NONE, QUADRATIC }

    enum class Activation { NONE, SOFTMAX }

    override val outputNames: List<String> = listOfNotNull(outputX, outputY, depth?.output)

    private val dimensions = outputNames.size
    private val peaksX = DoubleArray(keypointCount)
    private val peaksY = DoubleArray(keypointCount)
    private val peaksZ = DoubleArray(keypointCount) // of no use

    override fun decode(outputs: Map<String, Tensor>): List<Person> {
        val keypoints = DoubleArray(dimensions * keypointCount)
        decodeAxis(outputs.finite(outputX), 0, keypoints, peaksX)
        decodeAxis(outputs.finite(outputY), 1, keypoints, peaksY)
        if (depth != null) decodeAxis(outputs.finite(depth.output), 2, keypoints, peaksZ)
        val scores = DoubleArray(keypointCount) { k ->
            when (scoreReduction) {
                ScoreReduction.MIN -> min(peaksX[k], peaksY[k])
                ScoreReduction.MEAN -> (peaksX[k] + peaksY[k]) / 2
            }
        }
        return listOf(Person(keypoints, scores))
    }

    private fun decodeAxis(tensor: Tensor, axis: Int, keypoints: DoubleArray, peaks: DoubleArray) {
        tensor.requireAxis(rank = 3, axis = 1, count = keypointCount)
        val bins = tensor.shape[2]
        val maps = tensor.values
        for (k in 0 until keypointCount) {
            val start = k * bins
            val best = firstOfHighest(maps, start, start + bins)
            val offset = if (refinement == Refinement.QUADRATIC) quadratic(maps, start, bins, best) else 0.0
            val place = best - start + offset
            keypoints[dimensions * k + axis] = if (axis < 2 || depth == null) place / splitRatio else depth.at(place)
            val peak = maps[best].toDouble()
            peaks[k] = if (activation == Activation.SOFTMAX) softmaxPeak(maps, start, bins, peak) else peak
        }
    }

    private fun firstOfHighest(maps: FloatArray, start: Int, end: Int): Int {
        var best = start
        var highest = maps[start]
        for (bin in start + 1 until end) {
            val value = maps[bin]
            if (value > highest) {
                highest = value
                best = bin
            }
        }
        return best
    }

    /** Offset in bins of the top of the parabola through the best bin; 0 at the ends and on a plateau. */
    private fun quadratic(maps: FloatArray, start: Int, bins: Int, best: Int): Double {
        if (best == start || best == start + bins - 1) return 0.0
        val left = maps[best - 1].toDouble()
        val right = maps[best + 1].toDouble()
        val curvature = left - 2 * maps[best].toDouble() + right
        return if (curvature < 0) 0.5 * (left - right) / curvature else 0.0
    }

    private fun softmaxPeak(maps: FloatArray, start: Int, bins: Int, peak: Double): Double {
        var sum = 0.0
        for (bin in start until start + bins) sum += exp(maps[bin] - peak)
        return 1.0 / sum
    }

    companion object {
        fun of(settings: DecoderSettings): SimccDecoder = SimccDecoder(
            outputX = settings.text("output_x"),
            outputY = settings.text("output_y"),
            splitRatio = settings.number("split_ratio").also {
                if (!(it > 0)) throw settings.wrong("split_ratio", "a number above 0")
            },
            scoreReduction = settings.choice("score_reduction"),
            refinement = settings.choice("refinement"),
            activation = settings.choice("activation"),
            depth = if (!settings.has("z.output")) null else Depths(
                settings.text("z.output"), settings.integer("z.bins"), settings.number("z.extent"),
            ),
            keypointCount = settings.keypointCount,
        )
    }
}
