// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.min

/** What a dense result is: how sure of a person, which of several parts, or that and where on its surface. */
internal enum class DenseKind { MASK, PARTS, IUV }

/** Channels of an output from [first] on. */
internal class DenseRole(val output: String, val first: Int)

/**
 * A dense result of the contract: channels from [first] on of [output], one a label, of IUV the background's before.
 *
 * Cell i of the output is at (i + [shift]) * [stride] input px; the result's cells are [upsampling] times finer. A mask
 * is on from [threshold] on; parts are there where the mask called [within] is on, everywhere if it is empty. Of IUV
 * they are there where the highest of [coarseCount] channels of [coarse] is not the first; [u] and [v] have a channel a
 * label, and one of the background before.
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
    val coarseCount: Int = 2,
    val coarse: DenseRole? = null,
    val u: DenseRole? = null,
    val v: DenseRole? = null,
)

/** Makes the dense results of a model's outputs. */
internal class DenseReader(private val specs: List<DenseSpec>) {
    /** The results in the contract's order; [toPicture]: from input px to px of the upright image. */
    fun read(outputs: Map<String, Tensor>, toPicture: Affine): List<DenseMap> {
        val found = mutableMapOf<String, DenseMap>()
        for (spec in specs.sortedBy { it.kind }) { // masks first
            found[spec.name] = read(spec, outputs, toPicture, found[spec.within])
        }
        return specs.map { found.getValue(it.name) }
    }

    private fun read(spec: DenseSpec, outputs: Map<String, Tensor>, toPicture: Affine, within: DenseMap?): DenseMap {
        fun maps(role: DenseRole): FinerMaps {
            val tensor = outputs.finite(role.output)
            tensor.requireShape(intArrayOf(1, 0, 0, 0))
            return FinerMaps(tensor, role.first, spec)
        }
        val maps = maps(DenseRole(spec.output, spec.first))
        val coarse = spec.coarse?.let(::maps)
        val values = FloatArray(maps.width * maps.height)
        for (index in values.indices) {
            val isThere = within?.labelAt(index) != 0 && coarse?.highest(index, spec.coarseCount) != 0
            values[index] = when (spec.kind) {
                DenseKind.MASK -> spec.activation.of(maps.at(index, 0)).toFloat()
                DenseKind.PARTS -> if (isThere) maps.highest(index, spec.labels.size) + 1f else 0f
                DenseKind.IUV -> if (isThere) maps.highest(index, spec.labels.size + 1).toFloat() else 0f
            }
        }
        val threshold = if (spec.kind == DenseKind.MASK) spec.threshold else null
        val surface = if (spec.u != null && spec.v != null) surface(values, maps(spec.u), maps(spec.v)) else null
        val place = maps.toInput.then(toPicture)
        val labels = spec.labels.ifEmpty { listOf(spec.name) }
        return DenseMap(spec.name, maps.width, maps.height, values, labels, threshold, place, surface)
    }

    /** U and V of each cell in turn, of its label's channels. */
    private fun surface(labels: FloatArray, u: FinerMaps, v: FinerMaps): FloatArray {
        val found = FloatArray(2 * labels.size)
        for (index in labels.indices) {
            val label = labels[index].toInt()
            if (label == 0) continue
            found[2 * index] = u.at(index, label).coerceIn(0.0, 1.0).toFloat()
            found[2 * index + 1] = v.at(index, label).coerceIn(0.0, 1.0).toFloat()
        }
        return found
    }
}

/** An output's maps read between their cells, at the cells of a result. */
private class FinerMaps(private val tensor: Tensor, private val first: Int, private val spec: DenseSpec) {
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

    /** The value of [channel], counted from the role's first one, at cell [index] of the result. */
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
        tensor.values[(row * tensor.shape[2] + column) * channels + first + channel].toDouble()
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
