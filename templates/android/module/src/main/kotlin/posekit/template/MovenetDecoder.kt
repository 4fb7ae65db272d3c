// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.floor
import kotlin.math.sqrt
import kotlin.math.truncate

/**
 * MoveNet's heads before its own decoder: a person's centre, where that says the keypoints are, and heat nearby.
 *
 * The cell with the most weighted centre is the person; the regression there gives a coarse place for each keypoint;
 * the cell with the most heat over its distance to that place is the keypoint, and the offset there goes into the cell.
 * Of equal cells the first in row order wins.
 */
internal class MovenetDecoder private constructor(
    private val heatmaps: MapRole,
    private val centers: MapRole,
    private val regressions: MapRole,
    private val offsets: MapRole,
    private val axes: Order,
    private val activation: ScoreActivation,
    private val centerWeight: CenterWeight,
    private val centerBias: Double,
    private val keypointBias: Double,
    private val rounding: Rounding,
    private val minScore: Double,
    private val stride: Int,
    private val keypointCount: Int,
) : Decoder {
    enum class Order { YX, XY }

    enum class CenterWeight { DISTANCE, NONE }

    enum class Rounding { NONE, HALF_UP, TRUNC }

    private val roles = listOf(heatmaps, centers, regressions, offsets)
    private val width get() = heatmaps.width
    private val height get() = heatmaps.height
    private val firstX = if (axes == Order.XY) 0 else 1 // of a pair
    private val firstY = 1 - firstX

    override val outputNames: List<String> = MapRole.outputsOf(roles)

    override fun decode(outputs: Map<String, Tensor>): List<Person> {
        MapRole.bind(roles, outputs)
        val center = mostOf { x, y -> center(x, y) }
        val centerX = center % width
        val centerY = center / width
        val coordinates = DoubleArray(2 * keypointCount)
        val scores = DoubleArray(keypointCount)
        for (keypoint in 0 until keypointCount) {
            val coarseX = rounded(regressions.at(centerX, centerY, 2 * keypoint + firstX)) + centerX
            val coarseY = rounded(regressions.at(centerX, centerY, 2 * keypoint + firstY)) + centerY
            val best = mostOf { x, y -> heat(x, y, keypoint) / (distance(x - coarseX, y - coarseY) + keypointBias) }
            val x = best % width
            val y = best / width
            coordinates[2 * keypoint] = (x + offsets.at(x, y, 2 * keypoint + firstX)) * stride
            coordinates[2 * keypoint + 1] = (y + offsets.at(x, y, 2 * keypoint + firstY)) * stride
            scores[keypoint] = heat(x, y, keypoint)
        }
        return listOf(person(coordinates, scores, (centerX * stride).toDouble(), (centerY * stride).toDouble()))
    }

    /** Keypoints that were not found lie in the middle of the others, or at the centre. */
    private fun person(coordinates: DoubleArray, scores: DoubleArray, centerX: Double, centerY: Double): Person {
        val found = BooleanArray(keypointCount) { scores[it] >= minScore }
        if (found.any { it }) return partialPerson(coordinates, found, scores, 0.0).let { Person(it.coordinates, it.scores) }
        return Person(DoubleArray(coordinates.size) { if (it % 2 == 0) centerX else centerY }, DoubleArray(keypointCount))
    }

    private fun center(x: Int, y: Int): Double {
        val value = activation.of(centers.at(x, y, 0))
        if (centerWeight == CenterWeight.NONE) return value
        return value / (distance(x - width / 2.0, y - height / 2.0) + centerBias)
    }

    private fun heat(x: Int, y: Int, keypoint: Int): Double {
        val value = activation.of(heatmaps.at(x, y, keypoint))
        return if (value < minScore) 0.0 else value
    }

    /** The first cell in row order that [value] is largest of. */
    private inline fun mostOf(value: (Int, Int) -> Double): Int {
        var best = 0
        var most = value(0, 0)
        for (y in 0 until height) {
            for (x in 0 until width) {
                val weighted = value(x, y)
                if (weighted > most) {
                    most = weighted
                    best = y * width + x
                }
            }
        }
        return best
    }

    private fun rounded(value: Double): Double = when (rounding) {
        Rounding.NONE -> value
        Rounding.HALF_UP -> floor(value + 0.5)
        Rounding.TRUNC -> truncate(value + 0.5)
    }

    private fun distance(x: Double, y: Double): Double = sqrt(x * x + y * y)

    companion object {
        fun of(settings: DecoderSettings): MovenetDecoder {
            val count = settings.keypointCount
            return MovenetDecoder(
                heatmaps = MapRole.of(settings, "heatmaps", count),
                centers = MapRole.of(settings, "centers", 1),
                regressions = MapRole.of(settings, "regressions", 2 * count),
                offsets = MapRole.of(settings, "offsets", 2 * count),
                axes = settings.choice("axes"),
                activation = settings.choice("activation"),
                centerWeight = settings.choice("center_weight"),
                centerBias = settings.number("center_bias"),
                keypointBias = settings.number("keypoint_bias"),
                rounding = settings.choice("rounding"),
                minScore = settings.number("min_score"),
                stride = settings.integer("stride"),
                keypointCount = count,
            )
        }
    }
}
