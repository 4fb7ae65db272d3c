// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.ln

/** A cell that is as high as its neighbours, with its score. */
internal class CenterPeak(val x: Int, val y: Int, val raw: Double, val score: Double)

/** Maps whose peaks count: above [threshold], at most [most] of a map. */
internal class CenterPeaks private constructor(
    val channels: CenterChannels,
    private val activation: Activation,
    private val reach: Int,
    private val threshold: Double,
    private val most: Int,
) {
    enum class Activation { NONE, SIGMOID }

    /** Values below have too low a score; those just above may have, too, for what rounding does to a sigmoid. */
    private val lowest = when {
        activation == Activation.NONE -> threshold
        threshold in SURE..1 - SURE -> ln(threshold / (1 - threshold)) - SLACK
        else -> Double.NEGATIVE_INFINITY
    }

    /** The peaks of one map, the best first, of equal ones the first in row order. */
    fun find(outputs: Map<String, Tensor>, channel: Int): List<CenterPeak> {
        val tensor = channels.tensor(outputs)
        val (_, height, width, depth) = tensor.shape
        val values = tensor.values
        val found = ArrayList<CenterPeak>()
        var at = channels.first + channel
        for (y in 0 until height) {
            for (x in 0 until width) {
                val raw = values[at].toDouble()
                at += depth
                if (raw < lowest) continue
                val score = if (activation == Activation.SIGMOID) sigmoid(raw) else raw
                if (score > threshold && isPeak(tensor, x, y, channel, raw)) found.add(CenterPeak(x, y, raw, score))
            }
        }
        found.sortByDescending { it.raw } // stable
        return found.take(most)
    }

    private fun isPeak(tensor: Tensor, x: Int, y: Int, channel: Int, raw: Double): Boolean {
        for (row in y - reach..y + reach) {
            for (column in x - reach..x + reach) {
                if (channels.at(tensor, column, row, channel) > raw) return false
            }
        }
        return true
    }

    companion object {
        private const val SURE = 1e-9
        private const val SLACK = 1e-3

        fun of(settings: DecoderSettings, role: String, count: Int): CenterPeaks {
            val window = settings.integer("$role.window")
            if (window < 1 || window % 2 == 0) throw settings.wrong("$role.window", "an odd number above 0")
            return CenterPeaks(
                channels = CenterChannels.of(settings, role, count),
                activation = settings.choice("$role.activation"),
                reach = window / 2,
                threshold = settings.number("$role.threshold"),
                most = settings.integer("$role.most"),
            )
        }
    }
}
