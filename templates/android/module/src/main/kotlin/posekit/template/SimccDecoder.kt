// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.exp
import kotlin.math.min

/** SimCC, one 1-D map an axis and keypoint, (1, K, bins): a bin's index over splitRatio is its input px. */
internal class SimccDecoder private constructor(
    private val outputX: String,
    private val outputY: String,
    private val splitRatio: Double,
    private val scoreReduction: ScoreReduction,
    private val refinement: Refinement,
    private val activation: Activation,
    private val keypointCount: Int,
) : Decoder {
    enum class ScoreReduction { MIN, MEAN }

    enum class Refinement { NONE, QUADRATIC }

    enum class Activation { NONE, SOFTMAX }

    override val outputNames: List<String> = listOf(outputX, outputY)

    private val peaksX = DoubleArray(keypointCount)
    private val peaksY = DoubleArray(keypointCount)

    override fun decode(outputs: Map<String, Tensor>): List<Person> {
        val keypoints = DoubleArray(2 * keypointCount)
        decodeAxis(outputs.finite(outputX), 0, keypoints, peaksX)
        decodeAxis(outputs.finite(outputY), 1, keypoints, peaksY)
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
            keypoints[2 * k + axis] = (best - start + offset) / splitRatio
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
            keypointCount = settings.keypointCount,
        )
    }
}
