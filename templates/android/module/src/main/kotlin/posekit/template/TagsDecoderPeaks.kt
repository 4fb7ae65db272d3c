// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.min

/** A cell of the grid with its score, and its tag where it is a peak. */
internal class TagPeak(val y: Int, val x: Int, val score: Double, val tag: DoubleArray)

/** Finds cells above [threshold] that are as high as everything within [reach] cells, at most [most] of a keypoint. */
internal class TagPeaks private constructor(val reach: Int, private val threshold: Double, private val most: Int) {
    private val side = UpsampledMaps.TILE + 2 * reach
    private val values = DoubleArray(side * side)
    private val one = DoubleArray(1)

    /** The peaks of each keypoint, the best first, of equal ones the first in row order. */
    fun find(maps: TagMaps): List<List<TagPeak>> {
        val heat = maps.heat
        val count = heat.most.size / heat.tileCount
        return List(count) { k ->
            val found = ArrayList<TagPeak>()
            for (tile in 0 until heat.tileCount) {
                if (heat.most[tile * count + k] > threshold) findIn(maps, k, tile, found)
            }
            found.sortWith(compareByDescending<TagPeak> { it.score }.thenBy { it.y }.thenBy { it.x })
            found.take(most)
        }
    }

    private fun findIn(maps: TagMaps, k: Int, tile: Int, found: MutableList<TagPeak>) {
        val top = tile / maps.heat.tilesAcross * UpsampledMaps.TILE
        val left = tile % maps.heat.tilesAcross * UpsampledMaps.TILE
        maps.heat.window(k, top - reach, left - reach, side, values)
        for (y in top until min(top + UpsampledMaps.TILE, maps.heat.height)) {
            for (x in left until min(left + UpsampledMaps.TILE, maps.heat.width)) {
                val row = y - top + reach
                val column = x - left + reach
                val score = values[row * side + column]
                if (score > threshold && isPeak(values, side, row, column, reach)) {
                    val tag = DoubleArray(maps.tags.size) { tag(maps.tags[it], maps.own(k), y, x) }
                    found.add(TagPeak(y, x, score, tag))
                }
            }
        }
    }

    private fun tag(map: UpsampledMaps, channel: Int, y: Int, x: Int): Double {
        map.window(channel, y, x, 1, one)
        return one[0]
    }

    companion object {
        /** Whether nothing within [reach] cells of a cell of [values], whose rows have [side] of them, is higher. */
        fun isPeak(values: DoubleArray, side: Int, row: Int, column: Int, reach: Int): Boolean {
            val value = values[row * side + column]
            for (y in row - reach..row + reach) {
                for (x in column - reach..column + reach) {
                    if (values[y * side + x] > value) return false
                }
            }
            return true
        }

        fun of(settings: DecoderSettings): TagPeaks {
            val window = settings.integer("peaks.window")
            if (window < 1 || window % 2 == 0) throw settings.wrong("peaks.window", "an odd number above 0")
            return TagPeaks(window / 2, settings.number("peaks.threshold"), settings.integer("peaks.most"))
        }
    }
}
