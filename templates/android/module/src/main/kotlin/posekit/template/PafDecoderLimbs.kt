// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.abs
import kotlin.math.floor
import kotlin.math.max
import kotlin.math.min
import kotlin.math.round
import kotlin.math.sqrt

/** Two peaks, of all keypoints, that a field joins. */
internal class PafLimb(val from: Int, val to: Int, val score: Double)

/** Limbs: pairs of peaks between which the field runs from one to the other. */
internal class PafLimbFinder private constructor(
    private val upsampling: PafUpsampling,
    private val pairs: IntArray,
    private val channels: IntArray,
    private val samples: Int,
    private val mostSamples: Int?,
    private val ends: Ends,
    private val rounding: Rounding,
    private val minValue: Double,
    private val minRatio: Double,
    private val mean: Mean,
    private val fullLength: Double,
) {
    /** Whether the samples reach the second peak or stop one step before. */
    enum class Ends { FIRST, BOTH }

    enum class Rounding { HALF_UP, HALF_EVEN }

    enum class Mean { ALL, PASSING }

    /** Of each pair the limbs, the best first; a peak belongs to one limb of a pair. */
    fun find(fields: Tensor, first: Int, peaks: PafPeaks): List<List<PafLimb>> = List(pairs.size / 2) { pair ->
        val candidates = ArrayList<PafLimb>()
        for (from in peaks.of(pairs[2 * pair])) {
            for (to in peaks.of(pairs[2 * pair + 1])) {
                val score = agreement(fields, first, pair, peaks, from, to)
                if (score > Double.NEGATIVE_INFINITY) candidates += PafLimb(from, to, score)
            }
        }
        candidates.sortByDescending { it.score }
        val taken = BooleanArray(peaks.size)
        candidates.filter { limb ->
            val isFree = !taken[limb.from] && !taken[limb.to]
            if (isFree) {
                taken[limb.from] = true
                taken[limb.to] = true
            }
            isFree
        }
    }

    /** How the field of a pair agrees with going from one peak to the other; -infinity where that is no limb. */
    private fun agreement(fields: Tensor, first: Int, pair: Int, peaks: PafPeaks, from: Int, to: Int): Double {
        val dx = peaks.x[to] - peaks.x[from]
        val dy = peaks.y[to] - peaks.y[from]
        val length = sqrt(dx * dx + dy * dy)
        if (!(length > 0)) return Double.NEGATIVE_INFINITY
        val count = sampleCount(dx, dy)
        val steps = count - if (ends == Ends.BOTH) 1 else 0
        var total = 0.0
        var passing = 0
        for (step in 0 until count) {
            val row = rounded(peaks.y[from] + dy * step / steps)
            val column = rounded(peaks.x[from] + dx * step / steps)
            val alongX = value(fields, first + channels[2 * pair], row, column)
            val alongY = value(fields, first + channels[2 * pair + 1], row, column)
            val agrees = dx / length * alongX + dy / length * alongY
            val passes = agrees > minValue
            if (passes) passing++
            if (passes || mean == Mean.ALL) total += agrees
        }
        var score = total / if (mean == Mean.PASSING) max(passing, 1) else count
        if (fullLength > 0) score += min(0.0, fullLength * upsampling.down.size / length - 1)
        val isLimb = passing.toDouble() / count > minRatio && score > 0
        return if (isLimb) score else Double.NEGATIVE_INFINITY
    }

    private fun value(fields: Tensor, channel: Int, row: Int, column: Int): Double =
        fields.larger(upsampling.down, upsampling.across, channel, row, column)

    private fun sampleCount(dx: Double, dy: Double): Int {
        if (mostSamples == null) return samples
        return floor(sqrt(5 * max(abs(dx), abs(dy))) + 0.5).toInt().coerceIn(samples, mostSamples)
    }

    /** Kotlin rounds halves to the even neighbour. */
    private fun rounded(place: Double): Int =
        (if (rounding == Rounding.HALF_EVEN) round(place) else floor(place + 0.5)).toInt()

    companion object {
        fun of(settings: DecoderSettings, upsampling: PafUpsampling, pairs: IntArray, channels: IntArray): PafLimbFinder {
            val samples = settings.atLeast("limbs.samples", 2)
            val most = if (settings.has("limbs.most_samples")) settings.atLeast("limbs.most_samples", samples) else null
            return PafLimbFinder(
                upsampling = upsampling,
                pairs = pairs,
                channels = channels,
                samples = samples,
                mostSamples = most,
                ends = settings.choice("limbs.ends"),
                rounding = settings.choice("limbs.rounding"),
                minValue = settings.number("limbs.min_value"),
                minRatio = settings.number("limbs.min_ratio"),
                mean = settings.choice("limbs.mean"),
                fullLength = settings.number("limbs.full_length"),
            )
        }
    }
}
