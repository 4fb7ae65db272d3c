// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.abs
import kotlin.math.exp
import kotlin.math.max
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

/** A map in memory under a Gaussian of odd width, of which only those rows are worked out that are asked for. */
internal class GaussianBlur(size: Int, private val edge: BlurEdge) {
    private val kernel = gaussianKernel(size)
    private val reach = size / 2
    private var map = DoubleArray(0)
    private var width = 0
    private var height = 0
    private var blurred = DoubleArray(0)
    private var isBlurred = BooleanArray(0)
    private var padded = DoubleArray(0)
    private var highest = DoubleArray(0)
    private var bounds = DoubleArray(0)

    /** Takes a [map], [width] x [height], which stays as it is for as long as this is asked. */
    fun take(map: DoubleArray, width: Int, height: Int) {
        this.map = map
        if (this.width != width || this.height != height) {
            this.width = width
            this.height = height
            blurred = DoubleArray(width * height)
            isBlurred = BooleanArray(height)
            padded = DoubleArray(width + 2 * reach)
            highest = DoubleArray(height)
            bounds = DoubleArray(height)
        }
        isBlurred.fill(false)
    }

    /** The blurred map at a place, which counts px row by row. */
    fun at(place: Int): Double {
        blur(place / width)
        return blurred[place]
    }

    /**
     * The place of the largest value of the blurred map, of equal ones the first.
     *
     * Weights are at least 0 and their sum is 1: no px of a row is above the blurred column of the rows' largest values.
     * Most rows are too low by that, and are not worked out.
     */
    fun best(): Int {
        val slack = ROUNDING * findHighest()
        var first = 0
        for (y in 0 until height) {
            bounds[y] = bound(y) + slack
            if (bounds[y] > bounds[first]) first = y
        }
        var best = bestOf(first)
        for (y in 0 until height) {
            if (bounds[y] < blurred[best]) continue
            val place = bestOf(y)
            if (blurred[place] > blurred[best] || (blurred[place] == blurred[best] && place < best)) best = place
        }
        return best
    }

    /** Fills [highest], the largest value of each row, and returns the largest magnitude of all. */
    private fun findHighest(): Double {
        var size = 0.0
        for (y in 0 until height) {
            var high = map[y * width]
            var low = high
            for (place in y * width + 1 until (y + 1) * width) {
                val value = map[place]
                if (value > high) high = value
                if (value < low) low = value
            }
            highest[y] = high
            size = max(size, max(abs(low), abs(high)))
        }
        return size
    }

    private fun bound(y: Int): Double {
        var sum = 0.0
        for (tap in kernel.indices) {
            val source = edge.source(y + tap - reach, height)
            if (source >= 0) sum += kernel[tap] * highest[source]
        }
        return if (edge == BlurEdge.ZERO) max(sum, 0.0) else sum // there are zeros beside the row
    }

    private fun bestOf(y: Int): Int {
        blur(y)
        var best = y * width
        for (place in best + 1 until (y + 1) * width) if (blurred[place] > blurred[best]) best = place
        return best
    }

    /** Works a row out: what lies above and below each of its px first, then what lies beside it. */
    private fun blur(y: Int) {
        if (isBlurred[y]) return
        isBlurred[y] = true
        padded.fill(0.0)
        for (tap in kernel.indices) {
            val source = edge.source(y + tap - reach, height)
            if (source >= 0) add(kernel[tap], map, source * width, padded, reach)
        }
        for (column in 1..reach) {
            val left = edge.source(-column, width)
            val right = edge.source(width - 1 + column, width)
            padded[reach - column] = if (left < 0) 0.0 else padded[reach + left]
            padded[reach + width - 1 + column] = if (right < 0) 0.0 else padded[reach + right]
        }
        blurred.fill(0.0, y * width, (y + 1) * width)
        for (tap in kernel.indices) add(kernel[tap], padded, tap, blurred, y * width)
    }

    /** Adds the [width] values of [from] that begin at [start], times [weight], to those of [to]. */
    private fun add(weight: Double, from: DoubleArray, start: Int, to: DoubleArray, target: Int) {
        for (column in 0 until width) to[target + column] += weight * from[start + column]
    }

    private companion object {
        private const val ROUNDING = 1e-12 // of the largest magnitude; sums are off by less
    }
}
