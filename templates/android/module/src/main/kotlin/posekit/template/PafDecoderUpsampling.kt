// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.abs
import kotlin.math.exp
import kotlin.math.floor
import kotlin.math.max

private const val KEYS = -0.75 // of the cubic kernel, as in OpenCV

/**
 * Maps made larger and blurred, as weights of their cells, so that only the pixels that matter are computed.
 *
 * A pixel is the sum over the cells of its column, then over the columns, in the order of the cells: as posekit does.
 */
internal class PafUpsampling private constructor(
    val factor: Int,
    private val method: Method,
    private val blurKernel: Int,
    private val blurSigma: Double,
) {
    /** REPEAT repeats cells; the others are OpenCV's resize with half-pixel centres. */
    enum class Method { REPEAT, LINEAR, CUBIC }

    /** Of maps as they are: rows, then columns. */
    var down: PafAxis = PafAxis(emptyArray())
        private set
    var across: PafAxis = down
        private set

    /** Of the maps that peaks are looked for in, which are blurred. */
    var blurredDown: PafAxis = down
        private set
    var blurredAcross: PafAxis = down
        private set

    private var width = 0
    private var height = 0

    /** Makes the axes those of maps of that size, cells. */
    fun fit(width: Int, height: Int) {
        if (width == this.width && height == this.height) return
        this.width = width
        this.height = height
        val rows = larger(height)
        val columns = larger(width)
        down = PafAxis(rows)
        across = PafAxis(columns)
        blurredDown = PafAxis(blurred(rows))
        blurredAcross = PafAxis(blurred(columns))
    }

    /** Cells outside the map are the outermost ones, as in OpenCV. */
    private fun larger(cells: Int): Array<DoubleArray> = Array(cells * factor) { row ->
        val weights = DoubleArray(cells)
        if (method == Method.REPEAT) {
            weights[row / factor] = 1.0
        } else {
            val place = (row + 0.5) / factor - 0.5
            val low = floor(place).toInt()
            for (cell in low - 1..low + 2) weights[cell.coerceIn(0, cells - 1)] += weight(abs(place - cell))
        }
        weights
    }

    /** Of a cell that is so far away, in cells. */
    private fun weight(distance: Double): Double = when {
        method == Method.LINEAR -> max(1.0 - distance, 0.0)
        distance <= 1 -> ((KEYS + 2) * distance - (KEYS + 3)) * distance * distance + 1
        distance < 2 -> ((KEYS * distance - 5 * KEYS) * distance + 8 * KEYS) * distance - 4 * KEYS
        else -> 0.0
    }

    /** Outside of the larger map there is 0. */
    private fun blurred(rows: Array<DoubleArray>): Array<DoubleArray> {
        if (blurKernel == 0) return rows
        val weights = DoubleArray(blurKernel) { at ->
            val position = (at - blurKernel / 2).toDouble()
            exp(-(position * position) / (2 * blurSigma * blurSigma))
        }
        val total = weights.sum()
        return Array(rows.size) { row ->
            val sums = DoubleArray(rows[row].size)
            for (at in weights.indices) {
                val other = rows.getOrNull(row + at - blurKernel / 2) ?: continue
                val weight = weights[at] / total
                for (cell in sums.indices) sums[cell] += weight * other[cell]
            }
            sums
        }
    }

    companion object {
        fun of(settings: DecoderSettings): PafUpsampling = PafUpsampling(
            factor = settings.atLeast("upsampling.factor", 1),
            method = settings.choice("upsampling.method"),
            blurKernel = settings.atLeast("upsampling.blur_kernel", 0).also {
                if (it != 0 && it % 2 == 0) throw settings.wrong("upsampling.blur_kernel", "an odd number, or 0")
            },
            blurSigma = settings.number("upsampling.blur_sigma").also {
                if (!(it > 0)) throw settings.wrong("upsampling.blur_sigma", "a number above 0")
            },
        )
    }
}

/** Of one axis of a larger map: what each cell adds to each pixel, [weights] of the cells from [first] to [end]. */
internal class PafAxis(val weights: Array<DoubleArray>) {
    val size: Int = weights.size
    val cells: Int = weights.firstOrNull()?.size ?: 0
    val first: IntArray = IntArray(size) { row -> max(weights[row].indexOfFirst { it != 0.0 }, 0) }
    val end: IntArray = IntArray(size) { row -> weights[row].indexOfLast { it != 0.0 } + 1 }

    /** By how much a pixel may be more than its largest cell. */
    val gain: Double = weights.maxOfOrNull { row -> row.sumOf { abs(it) } } ?: 0.0
}

/** The larger map of one channel at [row], [column]. */
internal fun Tensor.larger(down: PafAxis, across: PafAxis, channel: Int, row: Int, column: Int): Double {
    val width = shape[2]
    val count = shape[3]
    val rowWeights = down.weights[row]
    val columnWeights = across.weights[column]
    var total = 0.0
    for (x in across.first[column] until across.end[column]) {
        var sum = 0.0
        for (y in down.first[row] until down.end[row]) {
            sum += rowWeights[y] * values[(y * width + x) * count + channel]
        }
        total += columnWeights[x] * sum
    }
    return total
}
