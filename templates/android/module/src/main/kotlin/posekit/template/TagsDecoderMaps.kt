// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.floor
import kotlin.math.max
import kotlin.math.min

/** Channels of a tensor (1, h, w, any), from [first] on. */
internal class MapChannels(val tensor: Tensor, val first: Int)

/** The size at which maps are averaged, and that of the grid to which their mean is brought, in cells. */
internal class GridSize(val middleWidth: Int, val middleHeight: Int, val width: Int, val height: Int)

/**
 * Maps of several sizes as one: their mean at the middle size, brought to a grid, both bilinearly.
 *
 * The grid may be as large as the input, so it is read in windows; [most] and [least] say what a tile can hold.
 */
internal class UpsampledMaps(private val maps: List<MapChannels>, private val count: Int, private val size: GridSize) {
    val width: Int = size.width
    val height: Int = size.height
    val tilesAcross: Int = (width + TILE - 1) / TILE
    val tileCount: Int = tilesAcross * ((height + TILE - 1) / TILE)

    /** What no value of channel c in a tile exceeds, at tile * count + c. */
    val most: DoubleArray by lazy { bounds(isMost = true) }

    /** What no value of channel c in a tile falls below. */
    val least: DoubleArray by lazy { bounds(isMost = false) }

    private val rows = Taps()
    private val columns = Taps()
    private val ownRows = Taps()
    private val ownColumns = Taps()
    private var middle = DoubleArray(0)

    /** Writes [side] x [side] values of a channel from row [top] and column [left] on; the border is repeated. */
    fun window(channel: Int, top: Int, left: Int, side: Int, into: DoubleArray) {
        rows.set(top, side, size.middleHeight, height)
        columns.set(left, side, size.middleWidth, width)
        val middleRows = rows.low[side - 1] + 2 - rows.low[0]
        val middleColumns = columns.low[side - 1] + 2 - columns.low[0]
        readMiddle(channel, middleRows, middleColumns)
        for (row in 0 until side) {
            val upper = (rows.low[row] - rows.low[0]) * middleColumns
            for (column in 0 until side) {
                val at = upper + columns.low[column] - columns.low[0]
                val before = blend(middle[at], middle[at + middleColumns], rows.weight[row])
                val after = blend(middle[at + 1], middle[at + middleColumns + 1], rows.weight[row])
                into[row * side + column] = blend(before, after, columns.weight[column])
            }
        }
    }

    private fun readMiddle(channel: Int, middleRows: Int, middleColumns: Int) {
        if (middle.size < middleRows * middleColumns) middle = DoubleArray(middleRows * middleColumns)
        middle.fill(0.0, 0, middleRows * middleColumns)
        for (map in maps) {
            val values = map.tensor.values
            val (_, mapHeight, mapWidth, depth) = map.tensor.shape
            ownRows.set(rows.low[0], middleRows, mapHeight, size.middleHeight)
            ownColumns.set(columns.low[0], middleColumns, mapWidth, size.middleWidth)
            for (row in 0 until middleRows) {
                val upper = ownRows.low[row].coerceIn(0, mapHeight - 1) * mapWidth * depth + map.first + channel
                val lower = (ownRows.low[row] + 1).coerceIn(0, mapHeight - 1) * mapWidth * depth + map.first + channel
                for (column in 0 until middleColumns) {
                    val left = ownColumns.low[column].coerceIn(0, mapWidth - 1) * depth
                    val right = (ownColumns.low[column] + 1).coerceIn(0, mapWidth - 1) * depth
                    val before = blend(values[upper + left], values[lower + left], ownRows.weight[row])
                    val after = blend(values[upper + right], values[lower + right], ownRows.weight[row])
                    middle[row * middleColumns + column] += blend(before, after, ownColumns.weight[column])
                }
            }
        }
        for (at in 0 until middleRows * middleColumns) middle[at] /= maps.size.toDouble()
    }

    /** From [low] to [high]; [low] wherever both are equal. */
    private fun blend(low: Double, high: Double, weight: Double): Double = low + (high - low) * weight

    private fun blend(low: Float, high: Float, weight: Double): Double = blend(low.toDouble(), high.toDouble(), weight)

    private fun bounds(isMost: Boolean): DoubleArray {
        // a blend of equal numbers may end a last digit beside them
        val found = DoubleArray(tileCount * count) { if (isMost) SLACK else -SLACK }
        val own = DoubleArray(count)
        for (map in maps) {
            val values = map.tensor.values
            val (_, mapHeight, mapWidth, depth) = map.tensor.shape
            for (tile in 0 until tileCount) {
                own.fill(if (isMost) Double.NEGATIVE_INFINITY else Double.POSITIVE_INFINITY)
                val across = touched(tile % tilesAcross, mapWidth, size.middleWidth, width)
                for (row in touched(tile / tilesAcross, mapHeight, size.middleHeight, height)) {
                    for (column in across) {
                        val at = (row * mapWidth + column) * depth + map.first
                        for (c in 0 until count) {
                            val value = values[at + c].toDouble()
                            own[c] = if (isMost) max(own[c], value) else min(own[c], value)
                        }
                    }
                }
                for (c in 0 until count) found[tile * count + c] += own[c] / maps.size
            }
        }
        return found
    }

    /** The cells of a map that a tile is made of along an axis. */
    private fun touched(tile: Int, old: Int, middle: Int, new: Int): IntRange {
        val first = lower(lower(tile * TILE, middle, new), old, middle)
        val last = upper(upper(min((tile + 1) * TILE, new) - 1, middle, new), old, middle)
        return first.coerceIn(0, old - 1)..last.coerceIn(0, old - 1)
    }

    private fun lower(cell: Int, old: Int, new: Int): Int =
        if (old == new) cell else floor(place(cell, old, new)).toInt()

    private fun upper(cell: Int, old: Int, new: Int): Int = if (old == new) cell else lower(cell, old, new) + 1

    companion object {
        /** Cells of a tile's side; only speed depends on it. */
        const val TILE = 16
        private const val SLACK = 1e-9

        /** Where the middle of a new cell lies among the old ones. */
        private fun place(cell: Int, old: Int, new: Int): Double = (cell + 0.5) * (old.toDouble() / new) - 0.5
    }

    /** Of one axis: each new cell lies between the old cells [low] and low + 1. */
    private class Taps {
        var low = IntArray(0)
        var weight = DoubleArray(0)

        fun set(first: Int, count: Int, old: Int, new: Int) {
            if (low.size < count) {
                low = IntArray(count)
                weight = DoubleArray(count)
            }
            for (i in 0 until count) {
                val at = if (old == new) (first + i).toDouble() else place(first + i, old, new)
                low[i] = floor(at).toInt()
                weight[i] = at - low[i]
            }
        }
    }
}
