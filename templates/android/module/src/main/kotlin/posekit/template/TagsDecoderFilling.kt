// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.max
import kotlin.math.min
import kotlin.math.round
import kotlin.math.sqrt

/**
 * Keypoints that a person lacks: the cell with the greatest heat - [weight] * whole distance of tags, if its heat is
 * above 0.
 *
 * The whole grid counts, but only tiles that can hold something better are looked into.
 */
internal class TagFilling private constructor(private val among: Among, private val weight: Double) {
    /** PEAKS: the heat of cells that are no peaks counts as 0. */
    enum class Among { NONE, CELLS, PEAKS }

    private var upper = DoubleArray(0)
    private var heat = DoubleArray(0)
    private val tag = DoubleArray(UpsampledMaps.TILE * UpsampledMaps.TILE)
    private val squared = DoubleArray(UpsampledMaps.TILE * UpsampledMaps.TILE)
    private var bestValue = 0.0
    private var best: TagPeak? = null

    /** The cell for a keypoint of a person whose mean tag is [mean]; of equal ones the first in row order. */
    fun find(maps: TagMaps, keypoint: Int, mean: DoubleArray, reach: Int): TagPeak? {
        if (among == Among.NONE) return null
        boundTiles(maps, keypoint, mean)
        bestValue = Double.NEGATIVE_INFINITY
        best = null
        while (true) {
            var tile = 0
            for (other in upper.indices) if (upper[other] > upper[tile]) tile = other
            if (upper[tile] < bestValue || upper[tile] == Double.NEGATIVE_INFINITY) break
            upper[tile] = Double.NEGATIVE_INFINITY
            look(maps, keypoint, mean, tile, if (among == Among.PEAKS) reach else 0)
        }
        return best?.takeIf { it.score > 0 }
    }

    private fun boundTiles(maps: TagMaps, keypoint: Int, mean: DoubleArray) {
        val count = maps.heat.most.size / maps.heat.tileCount
        if (upper.size != maps.heat.tileCount) upper = DoubleArray(maps.heat.tileCount)
        for (tile in upper.indices) {
            var squared = 0.0
            for ((d, tags) in maps.tags.withIndex()) {
                val at = tile * (tags.most.size / tags.tileCount) + maps.own(keypoint)
                val away = max(max(tags.least[at] - mean[d], mean[d] - tags.most[at]), 0.0)
                squared += away * away
            }
            val most = maps.heat.most[tile * count + keypoint]
            // a square root that rounding made larger than it can be would hide the best cell
            val away = round(max(sqrt(squared) - 1e-9, 0.0))
            upper[tile] = (if (among == Among.PEAKS) max(most, 0.0) else most) - weight * away
        }
    }

    private fun look(maps: TagMaps, keypoint: Int, mean: DoubleArray, tile: Int, reach: Int) {
        val top = tile / maps.heat.tilesAcross * UpsampledMaps.TILE
        val left = tile % maps.heat.tilesAcross * UpsampledMaps.TILE
        val side = UpsampledMaps.TILE + 2 * reach
        if (heat.size != side * side) heat = DoubleArray(side * side)
        maps.heat.window(keypoint, top - reach, left - reach, side, heat)
        squared.fill(0.0)
        for ((d, tags) in maps.tags.withIndex()) {
            tags.window(maps.own(keypoint), top, left, UpsampledMaps.TILE, tag)
            for (at in tag.indices) squared[at] += (tag[at] - mean[d]) * (tag[at] - mean[d])
        }
        for (y in top until min(top + UpsampledMaps.TILE, maps.heat.height)) {
            for (x in left until min(left + UpsampledMaps.TILE, maps.heat.width)) {
                val row = y - top + reach
                val column = x - left + reach
                val isHeat = reach == 0 || TagPeaks.isPeak(heat, side, row, column, reach)
                val score = if (isHeat) heat[row * side + column] else 0.0
                consider(y, x, score, score - weight * round(sqrt(squared[(y - top) * UpsampledMaps.TILE + x - left])))
            }
        }
    }

    private fun consider(y: Int, x: Int, score: Double, value: Double) {
        val known = best
        val isEarlier = known == null || y < known.y || (y == known.y && x < known.x)
        if (value > bestValue || (value == bestValue && isEarlier)) {
            bestValue = value
            best = TagPeak(y, x, score, NO_TAG)
        }
    }

    companion object {
        private val NO_TAG = DoubleArray(0)

        fun of(settings: DecoderSettings): TagFilling =
            TagFilling(settings.choice("filling.among"), settings.number("filling.weight"))
    }
}
