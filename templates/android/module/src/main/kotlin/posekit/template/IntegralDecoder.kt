// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.exp
import kotlin.math.max

/**
 * Heatmaps (1, h, w, K), or volumes (1, h, w, K * slices), to keypoints by their mean place: soft-argmax.
 *
 * Sources: Sun et al. 2018, "Integral Human Pose Regression"; Nibali et al. 2018, "DSNT".
 */
internal class IntegralDecoder private constructor(
    private val output: String,
    private val first: Int,
    private val normalisation: Normalisation,
    private val alignment: MapAlignment,
    private val score: Score,
    private val sharpness: Double,
    private val slices: Int,
    private val depthExtent: Double?,
    private val inputWidth: Int,
    private val inputHeight: Int,
    private val keypointCount: Int,
) : Decoder {
    /** What makes weights of values: the softmax of their multiples, themselves where above 0, or their sigmoid. */
    enum class Normalisation { SOFTMAX, RELU, SIGMOID }

    /** Index i of n lies at input px i * W / n, i * (W - 1) / (n - 1) or (i + 0.5) * W / n. */
    enum class MapAlignment { STRIDE, CORNERS, HALF_PIXEL }

    /** The largest value of a map, the largest share of the weights, or 1. */
    enum class Score { VALUE, SHARE, NONE }

    override val outputNames: List<String> = listOf(output)

    private val peaks = DoubleArray(keypointCount)
    private val sums = DoubleArray(keypointCount) // of the weights
    private val sumsX = DoubleArray(keypointCount) // of the weights times x
    private val sumsY = DoubleArray(keypointCount)
    private val sumsZ = DoubleArray(keypointCount)
    private val channels = first + keypointCount * slices
    private val dimensions = if (depthExtent == null) 2 else 3

    override fun decode(outputs: Map<String, Tensor>): List<Person> {
        val tensor = outputs.finite(output)
        tensor.requireAxis(rank = 4, axis = 3, count = channels)
        val height = tensor.shape[1]
        val width = tensor.shape[2]
        findPeaks(tensor.values)
        addWeights(tensor.values, width, height)
        val coordinates = DoubleArray(dimensions * keypointCount)
        for (k in 0 until keypointCount) {
            val isThere = sums[k] > 0
            val x = if (isThere) sumsX[k] / sums[k] else (width - 1) / 2.0
            val y = if (isThere) sumsY[k] / sums[k] else (height - 1) / 2.0
            coordinates[dimensions * k] = toInputPx(x, width, inputWidth)
            coordinates[dimensions * k + 1] = toInputPx(y, height, inputHeight)
            if (depthExtent != null) {
                val slice = if (isThere) sumsZ[k] / sums[k] else (slices - 1) / 2.0
                coordinates[dimensions * k + 2] = toDepth(slice, depthExtent)
            }
        }
        return listOf(Person(coordinates, DoubleArray(keypointCount, ::scoreOf)))
    }

    private fun findPeaks(values: FloatArray) {
        peaks.fill(Double.NEGATIVE_INFINITY)
        for (cell in values.indices step channels) {
            for (k in 0 until keypointCount) {
                val start = cell + first + k * slices
                var peak = values[start]
                for (at in start + 1 until start + slices) peak = max(peak, values[at])
                peaks[k] = max(peaks[k], peak.toDouble())
            }
        }
    }

    /** The weights of a cell's slices are added up before they are multiplied: one visit to the sums a cell. */
    private fun addWeights(values: FloatArray, width: Int, height: Int) {
        for (sum in listOf(sums, sumsX, sumsY, sumsZ)) sum.fill(0.0)
        var at = 0
        for (y in 0 until height) {
            for (x in 0 until width) {
                at += first
                for (k in 0 until keypointCount) {
                    val peak = peaks[k]
                    var weights = 0.0
                    var deep = 0.0
                    for (slice in 0 until slices) {
                        val weight = weightOf(values[at++].toDouble(), peak)
                        weights += weight
                        deep += weight * slice
                    }
                    sums[k] += weights
                    sumsX[k] += weights * x
                    sumsY[k] += weights * y
                    sumsZ[k] += deep
                }
            }
        }
    }

    private fun weightOf(value: Double, peak: Double): Double = when (normalisation) {
        Normalisation.SOFTMAX -> {
            val power = sharpness * (value - peak)
            if (power < NEGLIGIBLE) 0.0 else exp(power)
        }
        Normalisation.RELU -> max(value, 0.0)
        Normalisation.SIGMOID -> sigmoid(value)
    }

    private fun scoreOf(k: Int): Double = when (score) {
        Score.VALUE -> peaks[k]
        Score.SHARE -> if (sums[k] > 0) weightOf(peaks[k], peaks[k]) / sums[k] else 0.0
        Score.NONE -> 1.0
    }

    private fun toInputPx(place: Double, mapSize: Int, inputSize: Int): Double = when (alignment) {
        MapAlignment.STRIDE -> place * (inputSize.toDouble() / mapSize)
        MapAlignment.CORNERS -> place * ((inputSize - 1).toDouble() / max(mapSize - 1, 1))
        MapAlignment.HALF_PIXEL -> (place + 0.5) * (inputSize.toDouble() / mapSize)
    }

    /** z of a place among the slices, 0 in the middle of the volume. */
    private fun toDepth(slice: Double, extent: Double): Double = when (alignment) {
        MapAlignment.STRIDE -> (slice / slices - 0.5) * extent
        MapAlignment.CORNERS -> (slice / (slices - 1) - 0.5) * extent
        MapAlignment.HALF_PIXEL -> ((slice + 0.5) / slices - 0.5) * extent
    }

    companion object {
        /** Below, all of ten million cells weigh less than 1e-8 of the best one, and their exponentials are not taken. */
        private const val NEGLIGIBLE = -36.0

        fun of(settings: DecoderSettings): IntegralDecoder = IntegralDecoder(
            output = settings.text("output"),
            first = settings.channel("first"),
            normalisation = settings.choice("normalisation"),
            alignment = settings.choice("alignment"),
            score = settings.choice("score"),
            sharpness = settings.number("sharpness"),
            slices = if (settings.has("z.bins")) settings.integer("z.bins") else 1,
            depthExtent = if (settings.has("z.extent")) settings.number("z.extent") else null,
            inputWidth = settings.inputWidth,
            inputHeight = settings.inputHeight,
            keypointCount = settings.keypointCount,
        )
    }
}
