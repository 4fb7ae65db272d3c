// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.exp
import kotlin.math.tanh

private const val BOX = 4 // numbers of a box

/**
 * Boxes of candidates. LTRB: distances from the anchor to the sides, of LTRB_BINS the logits of whole ones; _EXP has the
 * logarithms of the sides; of CXCYWH_TANH the centre is a tanh and the sides are a sigmoid of the input's.
 *
 * [ofCenter] and [ofSides] are what the numbers of both are divided by.
 */
internal class CandidateBoxes private constructor(
    val role: Role,
    private val format: Format,
    private val frame: Frame,
    private val bins: Int,
    private val ofCenter: Double,
    private val ofSides: Double,
    private val width: Double,
    private val height: Double,
) {
    enum class Format { XYXY, YXYX, XYWH, CXCYWH, LTRB, LTRB_BINS, CXCYWH_EXP, CYCXHW_EXP, CXCYWH_TANH }

    private val firstX = if (format == Format.YXYX || format == Format.CYCXHW_EXP) 1 else 0
    private val isOfDistances = format == Format.LTRB || format == Format.LTRB_BINS
    private val isOfLogarithms = format == Format.CXCYWH_EXP || format == Format.CYCXHW_EXP
    private val isCenter = isOfLogarithms || format == Format.CXCYWH || format == Format.CXCYWH_TANH

    /** Writes x1, y1, x2, y2 of the candidate at [place], input px, into [into] from [at] on. */
    fun read(place: Int, into: DoubleArray, at: Int) {
        frame.find(place)
        readAxis(number(place, firstX), number(place, firstX + 2), frame.x, frame.scaleX, width, into, at)
        val firstY = 1 - firstX
        readAxis(number(place, firstY), number(place, firstY + 2), frame.y, frame.scaleY, height, into, at + 1)
    }

    private fun readAxis(
        first: Double, second: Double, anchor: Double, scale: Double, extent: Double, into: DoubleArray, at: Int,
    ) {
        if (isOfDistances) {
            into[at] = (anchor - first) * scale
            into[at + 2] = (anchor + second) * scale
            return
        }
        val start = ((if (format == Format.CXCYWH_TANH) tanh(first) else first / ofCenter) + anchor) * scale
        val length = when {
            format == Format.CXCYWH_TANH -> sigmoid(second) * extent
            isOfLogarithms -> exp(second / ofSides) * scale
            else -> second / ofSides * scale
        }
        into[at] = if (isCenter) start - length / 2 else start
        into[at + 2] = when {
            isCenter -> start + length / 2
            format == Format.XYWH -> start + length
            else -> length // corners: where it ends
        }
    }

    /** Number [which] of four; of bins the whole number that is to be expected. */
    private fun number(place: Int, which: Int): Double {
        if (bins == 1) return role.at(place, which).toDouble()
        val first = which * bins
        var most = role.at(place, first)
        for (bin in 1 until bins) most = maxOf(most, role.at(place, first + bin))
        var sum = 0.0
        var weighed = 0.0
        for (bin in 0 until bins) {
            val chance = exp(role.at(place, first + bin).toDouble() - most)
            sum += chance
            weighed += chance * bin
        }
        return weighed / sum
    }

    companion object {
        fun of(settings: DecoderSettings, axes: Axes, grid: Grid): CandidateBoxes {
            val format = settings.choice<Format>("boxes.format")
            val frame = Frame.of(settings, "boxes", grid)
            if (!fits(format, frame.unit)) throw settings.wrong("boxes.unit", "a unit of boxes of that format")
            val bins = if (format == Format.LTRB_BINS) settings.positive("boxes.bins") else 1
            val variances = if (settings.has("boxes.variances")) settings.numbers("boxes.variances") else listOf(1.0, 1.0)
            if (variances.size != 2 || !variances.all { it > 0 }) {
                throw settings.wrong("boxes.variances", "2 numbers above 0")
            }
            val shrink = settings.inputAlignment.shrink
            return CandidateBoxes(
                Role.of(settings, "boxes", BOX * bins, axes), format, frame, bins, variances[0], variances[1],
                (settings.inputWidth - shrink).toDouble(), (settings.inputHeight - shrink).toDouble(),
            )
        }

        private fun fits(format: Format, unit: LengthUnit): Boolean = when (format) {
            Format.XYXY, Format.YXYX, Format.XYWH -> !unit.isOnLevels
            Format.CXCYWH -> true
            Format.LTRB -> unit == LengthUnit.CELLS || unit == LengthUnit.ANCHOR_PX
            Format.LTRB_BINS, Format.CXCYWH_TANH -> unit == LengthUnit.CELLS
            Format.CXCYWH_EXP, Format.CYCXHW_EXP -> unit == LengthUnit.CELLS || unit == LengthUnit.ANCHORS
        }
    }
}
