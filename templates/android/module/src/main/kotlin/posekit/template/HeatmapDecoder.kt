// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.max
import kotlin.math.sign

/**
 * Heatmaps (1, h, w, K) to keypoints: argmax, the first in row order, then none, a quarter step, DARK, or UDP's DARK.
 *
 * Sources: quarter step, Newell et al. 2016 and HRNet (Sun et al. 2019).
 */
internal class HeatmapDecoder private constructor(
    private val output: String,
    private val refinement: Refinement,
    private val alignment: Alignment,
    private val border: Border,
    blurKernel: Int,
    blurEdge: BlurEdge,
    private val activation: Activation,
    private val inputWidth: Int,
    private val inputHeight: Int,
    private val keypointCount: Int,
) : Decoder {
    enum class Refinement { NONE, QUARTER, DARK, DARK_UDP }

    /** A quarter step is taken where BOTH coordinates are inside of the map, or on EACH axis where that one is. */
    enum class Border { BOTH, EACH }

    /** Index i of a map of n lies at input px i * W / n (STRIDE) or i * (W - 1) / (n - 1) (CORNERS). */
    enum class Alignment { STRIDE, CORNERS }

    enum class Activation { NONE, SIGMOID }

    override val outputNames: List<String> = listOf(output)

    private val peaks = IntArray(keypointCount)
    private val peakValues = FloatArray(keypointCount)
    private val dark = DarkStep(blurKernel, blurEdge, activation == Activation.SIGMOID)
    private val darkUdp = UdpStep(blurKernel, blurEdge, activation == Activation.SIGMOID)
    private val offset = DoubleArray(2)

    override fun decode(outputs: Map<String, Tensor>): List<Person> {
        val tensor = outputs.finite(output)
        tensor.requireAxis(rank = 4, axis = 3, count = keypointCount)
        val height = tensor.shape[1]
        val width = tensor.shape[2]
        val map = tensor.values
        val maps = Heatmaps(map, width, height, keypointCount)
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
                Refinement.QUARTER -> quarter(maps, x, y, k)
                Refinement.DARK -> dark.step(maps, x, y, k, offset)
                Refinement.DARK_UDP -> darkUdp.step(maps, x, y, k, offset)
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

    /** A quarter px towards the higher neighbour on each axis; none within one px of the edge. */
    private fun quarter(maps: Heatmaps, x: Int, y: Int, k: Int) {
        val insideX = x > 1 && x < maps.width - 1
        val insideY = y > 1 && y < maps.height - 1
        if (border == Border.BOTH && !(insideX && insideY)) return
        if (insideX) offset[0] = 0.25 * sign(maps[x + 1, y, k] - maps[x - 1, y, k])
        if (insideY) offset[1] = 0.25 * sign(maps[x, y + 1, k] - maps[x, y - 1, k])
    }

    companion object {
        fun of(settings: DecoderSettings): HeatmapDecoder = HeatmapDecoder(
            output = settings.text("output"),
            refinement = settings.choice("refinement"),
            alignment = settings.choice("alignment"),
            border = settings.choice("border"),
            blurKernel = settings.integer("blur_kernel").also {
                if (it < 1 || it % 2 == 0) throw settings.wrong("blur_kernel", "an odd number above 0")
            },
            blurEdge = settings.choice("blur_edge"),
            activation = settings.choice("activation"),
            inputWidth = settings.inputWidth,
            inputHeight = settings.inputHeight,
            keypointCount = settings.keypointCount,
        )
    }
}

/** Heatmaps in memory, (h, w, K). */
internal class Heatmaps(private val values: FloatArray, val width: Int, val height: Int, private val count: Int) {
    operator fun get(x: Int, y: Int, k: Int): Double = values[(y * width + x) * count + k].toDouble()
}
