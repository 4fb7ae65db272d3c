// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.exp
import kotlin.math.ln
import kotlin.math.max
import kotlin.math.sign

/**
 * Heatmaps (1, h, w, K) to keypoints: argmax, the first in row order, then none, a quarter step, or DARK.
 *
 * Sources: quarter step, Newell et al. 2016 and HRNet (Sun et al. 2019); DARK, Zhang et al. 2020.
 */
internal class HeatmapDecoder private constructor(
    private val output: String,
    private val refinement: Refinement,
    private val alignment: Alignment,
    private val blurKernel: Int,
    private val activation: Activation,
    private val inputWidth: Int,
    private val inputHeight: Int,
    private val keypointCount: Int,
) : Decoder {
    enum class Refinement { NONE, QUARTER, DARK }

    /** Index i of a map of n lies at input px i * W / n (STRIDE) or i * (W - 1) / (n - 1) (CORNERS). */
    enum class Alignment { STRIDE, CORNERS }

    enum class Activation { NONE, SIGMOID }

    override val outputNames: List<String> = listOf(output)

    private val peaks = IntArray(keypointCount)
    private val peakValues = FloatArray(keypointCount)
    private val gaussian = gaussianKernel(blurKernel)
    private val blurred = DoubleArray(PATCH * (blurKernel + PATCH - 1)) // rows blurred downwards only
    private val log = DoubleArray(PATCH * PATCH) // the peak at row 2, column 2
    private val offset = DoubleArray(2)

    override fun decode(outputs: Map<String, Tensor>): List<Person> {
        val tensor = outputs.finite(output)
        tensor.requireAxis(rank = 4, axis = 3, count = keypointCount)
        val height = tensor.shape[1]
        val width = tensor.shape[2]
        val map = tensor.values
        findPeaks(map)
        val keypoints = DoubleArray(2 * keypointCount)
        val scores = DoubleArray(keypointCount)
        val scaleX = inputPxPerIndex(inputWidth, width)
        val scaleY = inputPxPerIndex(inputHeight, height)
        for (k in 0 until keypointCount) {
            val x = peaks[k] % width
            val y = peaks[k] / width
            offset.fill(0.0)
            when (refinement) {
                Refinement.NONE -> Unit
                Refinement.QUARTER -> quarter(map, width, height, x, y, k)
                Refinement.DARK -> dark(map, width, height, x, y, k)
            }
            keypoints[2 * k] = (x + offset[0]) * scaleX
            keypoints[2 * k + 1] = (y + offset[1]) * scaleY
            val peak = peakValues[k].toDouble()
            scores[k] = if (activation == Activation.SIGMOID) sigmoid(peak) else peak
        }
        return listOf(Person(keypoints, scores))
    }

    private fun findPeaks(map: FloatArray) {
        val count = keypointCount
        map.copyInto(peakValues, 0, 0, count)
        peaks.fill(0)
        var at = count
        for (position in 1 until map.size / count) {
            for (k in 0 until count) {
                val value = map[at++]
                if (value > peakValues[k]) {
                    peakValues[k] = value
                    peaks[k] = position
                }
            }
        }
    }

    private fun inputPxPerIndex(inputSize: Int, mapSize: Int): Double {
        val shrink = if (alignment == Alignment.CORNERS) 1 else 0
        return (inputSize - shrink).toDouble() / max(mapSize - shrink, 1)
    }

    /** A quarter px towards the higher neighbour on each axis; none within one px of the edge, as in HRNet. */
    private fun quarter(map: FloatArray, width: Int, height: Int, x: Int, y: Int, k: Int) {
        if (x <= 1 || x >= width - 1 || y <= 1 || y >= height - 1) return
        val center = (y * width + x) * keypointCount + k
        val down = width * keypointCount
        offset[0] = 0.25 * sign(map[center + keypointCount].toDouble() - map[center - keypointCount])
        offset[1] = 0.25 * sign(map[center + down].toDouble() - map[center - down])
    }

    /**
     * One Newton step on the logarithm of the blurred map; none within two px of the edge.
     *
     * A peak has a negative definite Hessian; where blurring left none, the step would lead away from it.
     */
    private fun dark(map: FloatArray, width: Int, height: Int, x: Int, y: Int, k: Int) {
        if (x <= 1 || x >= width - 2 || y <= 1 || y >= height - 2) return
        blurAround(map, width, height, x, y, k)
        val dx = 0.5 * (at(2, 3) - at(2, 1))
        val dy = 0.5 * (at(3, 2) - at(1, 2))
        val dxx = 0.25 * (at(2, 4) - 2 * at(2, 2) + at(2, 0))
        val dyy = 0.25 * (at(4, 2) - 2 * at(2, 2) + at(0, 2))
        val dxy = 0.25 * (at(3, 3) - at(1, 3) - at(3, 1) + at(1, 1))
        val det = dxx * dyy - dxy * dxy
        if (!(det > 0 && dxx < 0)) return
        offset[0] = (-(dyy * dx - dxy * dy) / det).coerceIn(-2.0, 2.0) // the patch ends two px from the peak
        offset[1] = (-(dxx * dy - dxy * dx) / det).coerceIn(-2.0, 2.0)
    }

    private fun at(row: Int, column: Int): Double = log[row * PATCH + column]

    /** Logarithm of the 5 x 5 px about the peak, logits made scores first, blurred; the map counts as 0 outside. */
    private fun blurAround(map: FloatArray, width: Int, height: Int, x: Int, y: Int, k: Int) {
        val reach = blurKernel / 2 + 2
        val span = blurKernel + PATCH - 1
        for (row in 0 until PATCH) {
            for (column in 0 until span) {
                val mapX = x - reach + column
                var sum = 0.0
                for (t in 0 until blurKernel) {
                    val mapY = y - reach + row + t
                    if (mapX < 0 || mapX >= width || mapY < 0 || mapY >= height) continue
                    val value = map[(mapY * width + mapX) * keypointCount + k].toDouble()
                    sum += gaussian[t] * if (activation == Activation.SIGMOID) sigmoid(value) else value
                }
                blurred[row * span + column] = sum
            }
            for (column in 0 until PATCH) {
                var sum = 0.0
                for (t in 0 until blurKernel) sum += gaussian[t] * blurred[row * span + column + t]
                log[row * PATCH + column] = ln(max(sum, LOG_FLOOR))
            }
        }
    }

    companion object {
        private const val PATCH = 5
        private const val LOG_FLOOR = 1e-10 // DARK takes the logarithm of blurred values, which may be 0

        fun of(settings: DecoderSettings): HeatmapDecoder = HeatmapDecoder(
            output = settings.text("output"),
            refinement = settings.choice("refinement"),
            alignment = settings.choice("alignment"),
            blurKernel = settings.integer("blur_kernel").also {
                if (it < 1 || it % 2 == 0) throw settings.wrong("blur_kernel", "an odd number above 0")
            },
            activation = settings.choice("activation"),
            inputWidth = settings.inputWidth,
            inputHeight = settings.inputHeight,
            keypointCount = settings.keypointCount,
        )

        /** Normalised Gaussian of odd [size] with the sigma that OpenCV derives from it (getGaussianKernel). */
        private fun gaussianKernel(size: Int): DoubleArray {
            val sigma = 0.3 * ((size - 1) * 0.5 - 1) + 0.8
            val weights = DoubleArray(size) { i ->
                val position = (i - size / 2).toDouble()
                exp(-(position * position) / (2 * sigma * sigma))
            }
            val sum = weights.sum()
            return DoubleArray(size) { weights[it] / sum }
        }
    }
}
