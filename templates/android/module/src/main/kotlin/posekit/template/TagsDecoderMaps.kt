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
    private var line = DoubleArray(0)

    /** Writes [side] x [side] values of a channel from row [top] and column [left] on; the border is repeated. */
    fun window(channel: Int, top: Int, left: Int, side: Int, into: DoubleArray) {
        rows.set(top, side, size.middleHeight, height)
        columns.set(left, side, size.middleWidth, width)
        val middleRows = rows.low[side - 1] + 2 - rows.low[0]
        val middleColumns = columns.low[side - 1] + 2 - columns.low[0]
        readMiddle(channel, middleRows, middleColumns)
        for (row in 0 until side) {
            val upper = (rows.low[row] - rows.low[0]) * middleColumns
            val weight = rows.weight[row]
            val lower = upper + middleColumns
            for (at in 0 until middleColumns) line[at] = blend(middle[upper + at], middle[lower + at], weight)
            for (column in 0 until side) {
                val at = columns.low[column] - columns.low[0]
                into[row * side + column] = blend(line[at], line[at + 1], columns.weight[column])
            }
        }
    }

    private fun readMiddle(channel: Int, middleRows: Int, middleColumns: Int) {
        if (middle.size < middleRows * middleColumns) middle = DoubleArray(middleRows * middleColumns)
        middle.fill(0.0, 0, middleRows * middleColumns)
        for (map in maps) {
            val (_, mapHeight, mapWidth, _) = map.tensor.shape
            ownRows.set(rows.low[0], middleRows, mapHeight, size.middleHeight)
            ownColumns.set(columns.low[0], middleColumns, mapWidth, size.middleWidth)
            val first = ownColumns.low[0]
            val count = ownColumns.low[middleColumns - 1] + 2 - first
            if (line.size < max(count, middleColumns)) line = DoubleArray(max(count, middleColumns))
            for (row in 0 until middleRows) {
                readLine(map, channel, ownRows.low[row], ownRows.weight[row], first, count)
                for (column in 0 until middleColumns) {
                    val at = ownColumns.low[column] - first
                    middle[row * middleColumns + column] += blend(line[at], line[at + 1], ownColumns.weight[column])
                }
            }
        }
        for (at in 0 until middleRows * middleColumns) middle[at] /= maps.size.toDouble()
    }

    /** Fills [line] with [count] cells of a map from column [first] on, between row [low] and the next one. */
    private fun readLine(map: MapChannels, channel: Int, low: Int, weight: Double, first: Int, count: Int) {
        val values = map.tensor.values
        val (_, mapHeight, mapWidth, depth) = map.tensor.shape
        val upper = low.coerceIn(0, mapHeight - 1) * mapWidth * depth + map.first + channel
        val lower = (low + 1).coerceIn(0, mapHeight - 1) * mapWidth * depth + map.first + channel
        for (at in 0 until count) {
            val column = (first + at).coerceIn(0, mapWidth - 1) * depth
            val value = values[upper + column].toDouble()
            line[at] = if (weight == 0.0) value else blend(value, values[lower + column].toDouble(), weight)
        }
    }

    /** From [low] to [high]; [low] wherever both are equal. */
    private fun blend(low: Double, high: Double, weight: Double): Double = low + (high - low) * weight

    private fun bounds(isMost: Boolean): DoubleArray {
        // a blend of equal numbers may end a last digit beside them
        val found = DoubleArray(tileCount * count) { if (isMost) SLACK else -SLACK }
        for (map in maps) {
            val (_, mapHeight, mapWidth, depth) = map.tensor.shape
            val across = List(tilesAcross) { touched(it, mapWidth, size.middleWidth, width) }
            val down = FloatArray(mapWidth * depth)
            val own = FloatArray(depth)
            for (tileRow in 0 until tileCount / tilesAcross) {
                val rows = touched(tileRow, mapHeight, size.middleHeight, height)
                reduce(map.tensor.values, rows.first * down.size, rows.last * down.size, down, isMost)
                for (column in 0 until tilesAcross) {
                    reduce(down, across[column].first * depth, across[column].last * depth, own, isMost)
                    val at = (tileRow * tilesAcross + column) * count
                    for (c in 0 until count) found[at + c] += own[map.first + c].toDouble() / maps.size
                }
            }
        }
        return found
    }

    /** What the values at [first] and after it, as many as [into] has, are at most or least, to those at [last]. */
    private fun reduce(values: FloatArray, first: Int, last: Int, into: FloatArray, isMost: Boolean) {
        values.copyInto(into, 0, first, first + into.size)
        for (start in first + into.size..last step into.size) {
            if (isMost) {
                for (at in into.indices) into[at] = max(into[at], values[start + at])
            } else {
                for (at in into.indices) into[at] = min(into[at], values[start + at])
            }
        }
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
