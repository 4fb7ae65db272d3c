// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.exp
import kotlin.math.min

/** Normalised Gaussian of odd [size] with the sigma that OpenCV derives from it; of small ones its own numbers. */
internal fun gaussianKernel(size: Int): DoubleArray {
    val sigma = 0.3 * ((size - 1) * 0.5 - 1) + 0.8
    val weights = when (size) {
        3 -> doubleArrayOf(1.0, 2.0, 1.0)
        5 -> doubleArrayOf(1.0, 4.0, 6.0, 4.0, 1.0)
        7 -> doubleArrayOf(2.0, 7.0, 14.0, 18.0, 14.0, 7.0, 2.0)
        else -> DoubleArray(size) { i ->
            val position = (i - size / 2).toDouble()
            exp(-(position * position) / (2 * sigma * sigma))
        }
    }
    val sum = weights.sum()
    return DoubleArray(size) { weights[it] / sum }
}

/** What a blur finds outside of a map: ZERO, or the map mirrored about its outermost px. */
internal enum class BlurEdge {
    ZERO, MIRROR;

    /** The px of a line of [length] that stands at [place], -1 where it is 0. */
    fun source(place: Int, length: Int): Int = when {
        place in 0 until length -> place
        this == ZERO -> -1
        length == 1 -> 0
        else -> Math.floorMod(place, 2 * (length - 1)).let { min(it, 2 * (length - 1) - it) }
    }
}

/** Maps in memory under a Gaussian of odd width. */
internal class GaussianBlur(size: Int, private val edge: BlurEdge) {
    private val kernel = gaussianKernel(size)
    private val reach = size / 2
    private var padded = DoubleArray(0)
    private var down = DoubleArray(0)
    private var across = DoubleArray(0)

    /** Puts the blurred [map], [width] x [height], into [blurred], which may be the map itself. */
    fun blur(map: DoubleArray, blurred: DoubleArray, width: Int, height: Int) {
        val stride = width + 2 * reach
        if (padded.size != (height + 2 * reach) * stride || down.size != height * stride) {
            padded = DoubleArray((height + 2 * reach) * stride)
            down = DoubleArray(height * stride)
            across = DoubleArray(height * stride)
        }
        for (row in 0 until height + 2 * reach) pad(map, edge.source(row - reach, height), row * stride, width)
        along(padded, down, stride)
        along(down, across, 1)
        for (row in 0 until height) across.copyInto(blurred, row * width, row * stride, row * stride + width)
    }

    /** Fills a row of [padded], which starts at [start], with row [source] of the map and what lies beside it. */
    private fun pad(map: DoubleArray, source: Int, start: Int, width: Int) {
        if (source < 0) return padded.fill(0.0, start, start + width + 2 * reach)
        map.copyInto(padded, start + reach, source * width, (source + 1) * width)
        for (column in -reach until 0) padded[start + reach + column] = at(map, source, column, width)
        for (column in width until width + reach) padded[start + reach + column] = at(map, source, column, width)
    }

    private fun at(map: DoubleArray, row: Int, column: Int, width: Int): Double =
        edge.source(column, width).let { if (it < 0) 0.0 else map[row * width + it] }

    /** A Gaussian over px that lie [apart]; what lies around the map is in [from], so that all px are added alike. */
    private fun along(from: DoubleArray, to: DoubleArray, apart: Int) {
        val count = min(to.size, from.size - (kernel.size - 1) * apart)
        val first = kernel[0]
        for (at in 0 until count) to[at] = first * from[at]
        for (tap in 1 until kernel.size step 2) { // two at once, for half as much to read and write
            val weight = kernel[tap]
            val next = kernel[tap + 1]
            val away = tap * apart
            val further = away + apart
            for (at in 0 until count) to[at] = to[at] + weight * from[at + away] + next * from[at + further]
        }
    }
}
