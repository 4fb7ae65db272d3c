// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.min

/** What a dense result is: how sure of a person, or which of several parts. */
internal enum class DenseKind { MASK, PARTS }

/**
 * A dense result of the contract: channels from [first] on of [output], one a label.
 *
 * Cell i of the output is at (i + [shift]) * [stride] input px; the result's cells are [upsampling] times finer. A mask
 * is on from [threshold] on; parts are there where the mask called [within] is on, everywhere if it is empty.
 */
internal class DenseSpec(
    val name: String,
    val kind: DenseKind,
    val output: String,
    val first: Int,
    val stride: Double,
    val shift: Double,
    val upsampling: Int,
    val activation: ScoreActivation,
    val threshold: Double,
    val within: String,
    val labels: List<String>,
)

/** Makes the dense results of a model's outputs. */
internal class DenseReader(private val specs: List<DenseSpec>) {
    /** The results in the contract's order; [toPicture]: from input px to px of the upright image. */
    fun read(outputs: Map<String, Tensor>, toPicture: Affine): List<DenseMap> {
        val found = mutableMapOf<String, DenseMap>()
        for (spec in specs.sortedBy { it.kind }) { // masks first
            val tensor = outputs.finite(spec.output)
            tensor.requireShape(intArrayOf(1, 0, 0, 0))
            val maps = FinerMaps(tensor, spec)
            val values = FloatArray(maps.width * maps.height)
            val within = found[spec.within]
            for (index in values.indices) {
                values[index] = when {
                    spec.kind == DenseKind.MASK -> spec.activation.of(maps.at(index, 0)).toFloat()
                    within != null && within.labelAt(index) == 0 -> 0f
                    else -> (maps.highest(index, spec.labels.size) + 1).toFloat()
                }
            }
            val labels = spec.labels.ifEmpty { listOf(spec.name) }
            val threshold = if (spec.kind == DenseKind.MASK) spec.threshold else null
            val place = maps.toInput.then(toPicture)
            found[spec.name] = DenseMap(spec.name, maps.width, maps.height, values, labels, threshold, place)
        }
        return specs.map { found.getValue(it.name) }
    }
}

/** An output's maps read between their cells, at the cells of a result. */
private class FinerMaps(private val tensor: Tensor, private val spec: DenseSpec) {
    private val columns = Between(tensor.shape[2], spec)
    private val rows = Between(tensor.shape[1], spec)
    private val channels = tensor.shape[3]

    val width: Int get() = columns.count
    val height: Int get() = rows.count

    /** From a cell of the result to the middle of it, input px. */
    val toInput: Affine
        get() {
            val fine = spec.stride / spec.upsampling
            return Affine(fine, 0.0, spec.shift * fine, 0.0, fine, spec.shift * fine)
        }

    /** The value of [channel], counted from the result's first one, at cell [index] of the result. */
    fun at(index: Int, channel: Int): Double {
        val column = index % width
        val row = index / width
        val left = columns.first[column]
        val right = columns.second[column]
        val across = columns.share[column]
        val top = rows.first[row]
        val below = rows.second[row]
        val above = value(top, left, channel) * (1 - across) + value(top, right, channel) * across
        val under = value(below, left, channel) * (1 - across) + value(below, right, channel) * across
        return above * (1 - rows.share[row]) + under * rows.share[row]
    }

    /** The first of the highest of [count] channels at cell [index] of the result. */
    fun highest(index: Int, count: Int): Int {
        var best = 0
        var most = at(index, 0)
        for (channel in 1 until count) {
            val value = at(index, channel)
            if (value > most) {
                best = channel
                most = value
            }
        }
        return best
    }

    private fun value(row: Int, column: Int, channel: Int): Double =
        tensor.values[(row * tensor.shape[2] + column) * channels + spec.first + channel].toDouble()
}

/** Of each finer cell of an axis the two of [cells] cells about it, and how far it is from the first to the second. */
private class Between(cells: Int, spec: DenseSpec) {
    val count: Int = if (spec.shift == 0.0) (cells - 1) * spec.upsampling + 1 else cells * spec.upsampling
    private val places =
        DoubleArray(count) { ((it + spec.shift) / spec.upsampling - spec.shift).coerceIn(0.0, cells - 1.0) }
    val first: IntArray = IntArray(count) { places[it].toInt() }
    val second: IntArray = IntArray(count) { min(first[it] + 1, cells - 1) }
    val share: DoubleArray = DoubleArray(count) { places[it] - first[it] }
}
