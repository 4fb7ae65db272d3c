// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.abs
import kotlin.math.max

/**
 * Heatmaps with location maps beside them: where a heatmap is highest, three maps say where the keypoint is in space.
 *
 * Sources: Mehta et al. 2017, "VNect"; Hwang et al. 2020, "MoVNect".
 */
internal class LocationMapsDecoder private constructor(
    private val roles: List<MapRole>,
    private val upsampling: Int,
    private val alignment: MapAlignment,
    private val factor: Double,
    private val activation: ScoreActivation,
    private val inputWidth: Int,
    private val inputHeight: Int,
    private val keypointCount: Int,
) : Decoder {
    /** Index i of n lies at input px i * W / n, i * (W - 1) / (n - 1) or (i + 0.5) * W / n. */
    enum class MapAlignment { STRIDE, CORNERS, HALF_PIXEL }

    override val outputNames: List<String> = MapRole.outputsOf(roles)

    private val heat = roles[0]
    private val width get() = heat.width * upsampling // of the enlarged map
    private val height get() = heat.height * upsampling

    // the highest enlarged cell so far, and its value
    private var bestX = 0
    private var bestY = 0
    private var best = 0.0

    override fun decode(outputs: Map<String, Tensor>): List<Person> {
        MapRole.bind(roles, outputs)
        val coordinates = DoubleArray(2 * keypointCount)
        val scores = DoubleArray(keypointCount)
        val world = DoubleArray(3 * keypointCount)
        for (k in 0 until keypointCount) {
            findPeak(k)
            coordinates[2 * k] = toInputPx(bestX, width, inputWidth)
            coordinates[2 * k + 1] = toInputPx(bestY, height, inputHeight)
            scores[k] = activation.of(best)
            for (axis in 0 until 3) world[3 * k + axis] = enlarged(roles[1 + axis], bestX, bestY, k) * factor
        }
        return listOf(Person(coordinates, scores, world = world))
    }

    /**
     * An enlarged cell lies among four and is at most as high as the highest of these, so that only those are worked out
     * which have one at least as high as what lies in the highest cell.
     */
    private fun findPeak(k: Int) {
        best = Double.NEGATIVE_INFINITY
        var cellX = 0
        var cellY = 0
        for (y in 0 until heat.height) {
            for (x in 0 until heat.width) {
                val value = heat.at(x, y, k)
                if (value > best) {
                    best = value
                    cellX = x
                    cellY = y
                }
            }
        }
        bestX = cellX
        bestY = cellY
        if (upsampling == 1) return
        best = Double.NEGATIVE_INFINITY
        look(cellX * upsampling, cellY * upsampling, k)
        val least = best - SLACK * abs(best)
        val start = upsampling / 2 - upsampling // of what lies before the first cell
        for (y in 0..heat.height) {
            for (x in 0..heat.width) {
                if (highest(x, y, k) >= least) look(x * upsampling + start, y * upsampling + start, k)
            }
        }
    }

    /** The highest of the four cells of which ([x], [y]) is the lower right, those beyond the border repeated. */
    private fun highest(x: Int, y: Int, k: Int): Double {
        val left = max(x - 1, 0)
        val above = max(y - 1, 0)
        val right = x.coerceAtMost(heat.width - 1)
        val below = y.coerceAtMost(heat.height - 1)
        return max(max(heat.at(left, above, k), heat.at(right, above, k)), max(heat.at(left, below, k), heat.at(right, below, k)))
    }

    /** Takes the highest of the enlarged cells from ([left], [top]) on, of equal ones the first in row order. */
    private fun look(left: Int, top: Int, k: Int) {
        for (y in max(top, 0) until (top + upsampling).coerceAtMost(height)) {
            for (x in max(left, 0) until (left + upsampling).coerceAtMost(width)) {
                val value = enlarged(heat, x, y, k)
                val isFirst = y < bestY || (y == bestY && x < bestX)
                if (value > best || (value == best && isFirst)) {
                    best = value
                    bestX = x
                    bestY = y
                }
            }
        }
    }

    private fun enlarged(role: MapRole, x: Int, y: Int, k: Int): Double =
        if (upsampling == 1) role.at(x, y, k) else role.between(place(x, role.width), place(y, role.height), k)

    /** Where the middle of an enlarged cell lies among [cells]. */
    private fun place(at: Int, cells: Int): Double = ((at + 0.5) / upsampling - 0.5).coerceIn(0.0, cells - 1.0)

    private fun toInputPx(at: Int, cells: Int, inputSize: Int): Double = when (alignment) {
        MapAlignment.STRIDE -> at * (inputSize.toDouble() / cells)
        MapAlignment.CORNERS -> at * ((inputSize - 1).toDouble() / max(cells - 1, 1))
        MapAlignment.HALF_PIXEL -> (at + 0.5) * (inputSize.toDouble() / cells)
    }

    companion object {
        const val SLACK = 1e-9

        fun of(settings: DecoderSettings): LocationMapsDecoder = LocationMapsDecoder(
            roles = listOf("heat", "x", "y", "z").map { MapRole.of(settings, it, settings.keypointCount) },
            upsampling = settings.integer("upsampling").also {
                if (it < 1) throw settings.wrong("upsampling", "an integer of at least 1")
            },
            alignment = settings.choice("alignment"),
            factor = settings.number("factor"),
            activation = settings.choice("activation"),
            inputWidth = settings.inputWidth,
            inputHeight = settings.inputHeight,
            keypointCount = settings.keypointCount,
        )
    }
}
