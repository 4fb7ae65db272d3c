// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.max

/**
 * Heatmaps with offset maps beside them: the best cell of each map, moved by the two numbers that lie there.
 *
 * How the channels lie is data. Sources: Papandreou et al. 2017; Huang et al. 2020, "UDP"; Insafutdinov et al. 2016.
 */
internal class OffsetMapDecoder private constructor(
    private val heat: Channels,
    private val x: Channels,
    private val y: Channels,
    private val unit: OffsetUnit,
    private val factor: Double,
    private val alignment: MapAlignment,
    private val shift: Double,
    blurKernel: Int,
    offsetBlurKernel: Int,
    private val activation: Activation,
    private val inputWidth: Int,
    private val inputHeight: Int,
    private val keypointCount: Int,
) : Decoder {
    /** An offset counts in cells of the map, or in px of the input. */
    enum class OffsetUnit { CELLS, INPUT_PX }

    /** Index i of a map of n lies at input px (i + shift) * W / n, or the same over W - 1 and n - 1. */
    enum class MapAlignment { STRIDE, CORNERS }

    enum class Activation { NONE, SIGMOID }

    /** In [output] the channel of the first keypoint is [first], that of the next lies [step] on. */
    private class Channels(val output: String, val first: Int, val step: Int) {
        fun of(keypoint: Int): Int = first + step * keypoint

        companion object {
            fun of(settings: DecoderSettings, role: String): Channels = Channels(
                output = settings.text("$role.output"),
                first = settings.integer("$role.first"),
                step = settings.integer("$role.step"),
            )
        }
    }

    private val roles = listOf(heat, x, y)
    private val heatBlur = blurOf(blurKernel)
    private val offsetBlur = blurOf(offsetBlurKernel)
    private var map = DoubleArray(0)

    override val outputNames: List<String> = roles.map { it.output }.distinct()

    override fun decode(outputs: Map<String, Tensor>): List<Person> {
        val tensors = outputNames.associateWith { outputs.finite(it) }
        for ((name, tensor) in tensors) {
            val channels = roles.filter { it.output == name }.maxOf { it.of(keypointCount - 1) } + 1
            tensor.requireAxis(rank = 4, axis = 3, count = channels)
        }
        val heatmaps = tensors.getValue(heat.output)
        val height = heatmaps.shape[1]
        val width = heatmaps.shape[2]
        for (tensor in tensors.values) tensor.requireShape(intArrayOf(1, height, width, tensor.shape[3]))
        val scaleX = inputPxPerIndex(inputWidth, width)
        val scaleY = inputPxPerIndex(inputHeight, height)
        val coordinates = DoubleArray(2 * keypointCount)
        val scores = DoubleArray(keypointCount)
        for (k in 0 until keypointCount) {
            read(heatmaps, heat.of(k))
            heatBlur?.take(map, width, height)
            val peak = heatBlur?.best() ?: bestOf(map)
            val score = heatBlur?.at(peak) ?: map[peak]
            val offsetX = offsetAt(peak, tensors.getValue(x.output), x.of(k)) * factor
            val offsetY = offsetAt(peak, tensors.getValue(y.output), y.of(k)) * factor
            val isInCells = unit == OffsetUnit.CELLS
            coordinates[2 * k] = (peak % width + shift) * scaleX + offsetX * if (isInCells) scaleX else 1.0
            coordinates[2 * k + 1] = (peak / width + shift) * scaleY + offsetY * if (isInCells) scaleY else 1.0
            scores[k] = if (activation == Activation.SIGMOID) sigmoid(score) else score
        }
        return listOf(Person(coordinates, scores))
    }

    private fun Tensor.at(place: Int, channel: Int): Double = values[place * shape[3] + channel].toDouble()

    private fun inputPxPerIndex(inputSize: Int, mapSize: Int): Double {
        val shrink = if (alignment == MapAlignment.CORNERS) 1 else 0
        return (inputSize - shrink).toDouble() / max(mapSize - shrink, 1)
    }

    /** The first of the largest. */
    private fun bestOf(values: DoubleArray): Int {
        var best = 0
        for (place in values.indices) if (values[place] > values[best]) best = place
        return best
    }

    private fun offsetAt(peak: Int, offsets: Tensor, channel: Int): Double {
        if (offsetBlur == null) return offsets.at(peak, channel)
        read(offsets, channel)
        offsetBlur.take(map, width = offsets.shape[2], height = offsets.shape[1])
        return offsetBlur.at(peak)
    }

    /** Fills [map] with a channel. */
    private fun read(tensor: Tensor, channel: Int) {
        val count = tensor.shape[1] * tensor.shape[2]
        val channels = tensor.shape[3]
        val values = tensor.values
        if (map.size != count) map = DoubleArray(count)
        for (place in 0 until count) map[place] = values[place * channels + channel].toDouble()
    }

    companion object {
        fun of(settings: DecoderSettings): OffsetMapDecoder = OffsetMapDecoder(
            heat = Channels.of(settings, "heat"),
            x = Channels.of(settings, "x"),
            y = Channels.of(settings, "y"),
            unit = settings.choice("unit"),
            factor = settings.number("factor"),
            alignment = settings.choice("alignment"),
            shift = settings.number("shift"),
            blurKernel = kernelOf(settings, "blur_kernel"),
            offsetBlurKernel = kernelOf(settings, "offset_blur_kernel"),
            activation = settings.choice("activation"),
            inputWidth = settings.inputWidth,
            inputHeight = settings.inputHeight,
            keypointCount = settings.keypointCount,
        )

        private fun kernelOf(settings: DecoderSettings, name: String): Int = settings.integer(name).also {
            if (it < 1 || it % 2 == 0) throw settings.wrong(name, "an odd number above 0")
        }

        private fun blurOf(kernel: Int): GaussianBlur? =
            if (kernel > 1) GaussianBlur(kernel, BlurEdge.MIRROR) else null
    }
}
