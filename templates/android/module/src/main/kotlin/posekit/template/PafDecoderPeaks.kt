// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.abs
import kotlin.math.floor
import kotlin.math.max

private const val EQUAL = 1048576.0 // values are compared in steps of 1 / EQUAL
private const val LOW = Double.NEGATIVE_INFINITY

/** Peaks of heatmaps that are made larger: where a keypoint of anybody may be. */
internal class PafPeakFinder private constructor(
    private val upsampling: PafUpsampling,
    private val keypointCount: Int,
    private val minScore: Double,
    private val neighbors: Int,
    private val plateau: Plateau,
    private val order: Order,
    private val minDistance: Double,
    private val most: Int,
    private val centroid: Int,
) {
    /** Which of equal neighbours are peaks. */
    enum class Plateau { FIRST, ALL, NONE }

    enum class Order { ROWS, COLUMNS }

    private class Peak(val row: Int, val column: Int, val score: Double)

    // nothing up to this can be a peak, or equal to one
    private val floor = minScore - 2 / EQUAL
    private var cells = DoubleArray(0)
    private var column = DoubleArray(0)
    private var lastHigh = IntArray(0)
    private var larger = DoubleArray(0)
    private var candidates = IntArray(0) // px above the least score, in row order
    private var candidateCount = 0

    /** The peaks of the keypoints, whose channels begin at [first]. */
    fun find(maps: Tensor, first: Int): PafPeaks {
        val found = List(keypointCount) { keypoint -> kept(peaks(maps, first + keypoint)) }
        val starts = found.runningFold(0) { sum, one -> sum + one.size }.toIntArray()
        val x = DoubleArray(starts.last())
        val y = DoubleArray(starts.last())
        val scores = DoubleArray(starts.last())
        for (keypoint in found.indices) {
            found[keypoint].forEachIndexed { number, peak ->
                val at = starts[keypoint] + number
                x[at] = peak.column.toDouble()
                y[at] = peak.row.toDouble()
                scores[at] = peak.score
                if (centroid > 0) center(maps, first + keypoint, peak, x, y, at)
            }
        }
        return PafPeaks(starts, x, y, scores)
    }

    private fun peaks(maps: Tensor, channel: Int): List<Peak> {
        if (!makeLarger(maps, channel)) return emptyList()
        val found = ArrayList<Peak>()
        val high = upsampling.blurredDown.size
        val wide = upsampling.blurredAcross.size
        for (number in 0 until candidateCount) {
            val row = candidates[number] / wide
            val column = candidates[number] % wide
            if (isPeak(row, column, high, wide)) {
                val score = maps.larger(upsampling.down, upsampling.across, channel, row, column)
                found += Peak(row, column, score)
            }
        }
        if (order == Order.COLUMNS) found.sortWith(compareBy({ it.column }, { it.row }))
        return found
    }

    private fun isPeak(row: Int, column: Int, high: Int, wide: Int): Boolean {
        val at = row * wide + column
        val most = larger[at] + 2 / EQUAL // nothing beyond is equal, and most px have such a neighbour
        if (column + 1 < wide && larger[at + 1] > most || column > 0 && larger[at - 1] > most) return false
        if (row + 1 < high && larger[at + wide] > most || row > 0 && larger[at - wide] > most) return false
        val here = step(larger[at])
        for (dy in -1..1) {
            for (dx in -1..1) {
                if ((dy == 0 && dx == 0) || (neighbors == 4 && dy != 0 && dx != 0)) continue
                if (row + dy !in 0 until high || column + dx !in 0 until wide) continue
                val other = step(larger[(row + dy) * wide + column + dx])
                val isBefore = dy < 0 || (dy == 0 && dx < 0)
                val mayBeEqual = plateau == Plateau.ALL || (plateau == Plateau.FIRST && !isBefore)
                if (other > here || (other == here && !mayBeEqual)) return false
            }
        }
        return true
    }

    private fun step(value: Double): Double = floor(value * EQUAL + 0.5)

    /** Fills [larger] with the channel's larger, blurred map, -infinity where it is too low; false if all of it is. */
    private fun makeLarger(maps: Tensor, channel: Int): Boolean {
        val down = upsampling.blurredDown
        val across = upsampling.blurredAcross
        val width = across.cells
        reserve(down, across)
        candidateCount = 0
        var largest = 0.0
        for (at in 0 until down.cells * width) {
            cells[at] = maps.values[at * maps.shape[3] + channel].toDouble()
            largest = max(largest, abs(cells[at]))
        }
        if (largest * down.gain * across.gain <= minScore) return false
        for (row in 0 until down.size) {
            var high = -1
            for (x in 0 until width) {
                var sum = 0.0
                for (y in down.first[row] until down.end[row]) sum += down.weights[row][y] * cells[y * width + x]
                column[x] = sum
                if (abs(sum) * across.gain > floor) high = x
                lastHigh[x] = high
            }
            if (high >= 0) fillRow(across, row) else larger.fill(LOW, row * across.size, (row + 1) * across.size)
        }
        return true
    }

    private fun fillRow(across: PafAxis, row: Int) {
        for (x in 0 until across.size) {
            val first = across.first[x]
            val end = across.end[x]
            var total = LOW
            if (end > first && lastHigh[end - 1] >= first) {
                val weights = across.weights[x]
                total = 0.0
                for (cell in first until end) total += weights[cell] * column[cell]
            }
            larger[row * across.size + x] = total
            if (total > minScore) candidates[candidateCount++] = row * across.size + x
        }
    }

    private fun reserve(down: PafAxis, across: PafAxis) {
        if (candidates.size == down.size * across.size && column.size == across.cells) return
        cells = DoubleArray(down.cells * across.cells)
        column = DoubleArray(across.cells)
        lastHigh = IntArray(across.cells)
        larger = DoubleArray(down.size * across.size)
        candidates = IntArray(down.size * across.size)
    }

    /** Those that are far enough from the ones before them, and of these the best. */
    private fun kept(peaks: List<Peak>): List<Peak> {
        val apart = ArrayList<Peak>(peaks.size)
        for (one in peaks) if (minDistance <= 0 || apart.none { isNear(it, one) }) apart += one
        if (apart.size <= most) return apart
        val best = apart.indices.sortedByDescending { apart[it].score }.take(most).sorted()
        return best.map { apart[it] }
    }

    private fun isNear(one: Peak, other: Peak): Boolean {
        val dx = (other.column - one.column).toDouble()
        val dy = (other.row - one.row).toDouble()
        return dx * dx + dy * dy < minDistance * minDistance
    }

    /** Moves a peak to the centroid of the positive values about it. */
    private fun center(maps: Tensor, channel: Int, peak: Peak, x: DoubleArray, y: DoubleArray, at: Int) {
        val down = upsampling.blurredDown
        val across = upsampling.blurredAcross
        var total = 0.0
        var sumX = 0.0
        var sumY = 0.0
        for (dy in -centroid..centroid) {
            for (dx in -centroid..centroid) {
                if (peak.row + dy !in 0 until down.size || peak.column + dx !in 0 until across.size) continue
                val weight = max(maps.larger(down, across, channel, peak.row + dy, peak.column + dx), 0.0)
                total += weight
                sumX += weight * dx
                sumY += weight * dy
            }
        }
        x[at] = peak.column + sumX / total
        y[at] = peak.row + sumY / total
    }

    companion object {
        fun of(settings: DecoderSettings, upsampling: PafUpsampling): PafPeakFinder = PafPeakFinder(
            upsampling = upsampling,
            keypointCount = settings.keypointCount,
            minScore = settings.number("peaks.min_score").also {
                if (!(it >= 0)) throw settings.wrong("peaks.min_score", "a number from 0 on")
            },
            neighbors = settings.integer("peaks.neighbors").also {
                if (it != 4 && it != 8) throw settings.wrong("peaks.neighbors", "4 or 8")
            },
            plateau = settings.choice("peaks.plateau"),
            order = settings.choice("peaks.order"),
            minDistance = settings.number("peaks.min_distance"),
            most = settings.atLeast("peaks.most", 1),
            centroid = settings.atLeast("peaks.centroid", 0),
        )
    }
}
