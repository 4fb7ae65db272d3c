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
    private var down = DoubleArray(0)

    /** Puts the blurred [map], [width] x [height], into [blurred], which may be the map itself. */
    fun blur(map: DoubleArray, blurred: DoubleArray, width: Int, height: Int) {
        if (down.size != map.size) down = DoubleArray(map.size)
        along(map, down, Lines(count = width, apart = 1, length = height, step = width))
        along(down, blurred, Lines(count = height, apart = width, length = width, step = 1))
    }

    /** Lines of a map in memory: how many, how far apart, how many px each has and how far apart these are. */
    private class Lines(val count: Int, val apart: Int, val length: Int, val step: Int)

    private fun along(from: DoubleArray, to: DoubleArray, lines: Lines) {
        to.fill(0.0)
        for (tap in kernel.indices) {
            val weight = kernel[tap]
            for (position in 0 until lines.length) {
                val source = edge.source(position + tap - kernel.size / 2, lines.length)
                if (source < 0) continue
                var at = position * lines.step
                var read = source * lines.step
                repeat(lines.count) {
                    to[at] += weight * from[read]
                    at += lines.apart
                    read += lines.apart
                }
            }
        }
    }
}
