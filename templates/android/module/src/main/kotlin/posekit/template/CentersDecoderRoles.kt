// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.floor
import kotlin.math.max
import kotlin.math.sqrt

/** [count] channels of an output, from [first] on. */
internal class CenterChannels private constructor(val output: String, val first: Int, val count: Int) {
    fun tensor(outputs: Map<String, Tensor>): Tensor = outputs.getValue(output)

    fun at(tensor: Tensor, cell: CenterPeak, channel: Int): Double = at(tensor, cell.x, cell.y, channel)

    /** The value of a cell; outside of the map that of the nearest one. */
    fun at(tensor: Tensor, x: Int, y: Int, channel: Int): Double {
        val (_, height, width, depth) = tensor.shape
        val cell = y.coerceIn(0, height - 1) * width + x.coerceIn(0, width - 1)
        return tensor.values[cell * depth + first + channel].toDouble()
    }

    /** Between cells, rows first; (x, y) in cells. */
    fun between(tensor: Tensor, x: Double, y: Double, channel: Int): Double {
        val left = floor(x)
        val top = floor(y)
        val column = left.toInt()
        val row = top.toInt()
        val before = blend(at(tensor, column, row, channel), at(tensor, column, row + 1, channel), y - top)
        val after = blend(at(tensor, column + 1, row, channel), at(tensor, column + 1, row + 1, channel), y - top)
        return blend(before, after, x - left)
    }

    private fun blend(low: Double, high: Double, weight: Double): Double = low + (high - low) * weight

    companion object {
        fun of(settings: DecoderSettings, role: String, count: Int): CenterChannels {
            val first = settings.integer("$role.first")
            if (first < 0) throw settings.wrong("$role.first", "a channel")
            return CenterChannels(settings.text("$role.output"), first, count)
        }
    }
}

/** Width and height of a box about a centre, in cells; without [offsets] its middle is that of the cell. */
internal class CenterBoxes private constructor(val sizes: CenterChannels, val offsets: CenterChannels?) {
    fun box(outputs: Map<String, Tensor>, center: CenterPeak): Box {
        val values = sizes.tensor(outputs)
        val x = center.x + (offsets?.let { it.at(it.tensor(outputs), center, 0) } ?: 0.5)
        val y = center.y + (offsets?.let { it.at(it.tensor(outputs), center, 1) } ?: 0.5)
        val width = sizes.at(values, center, 0)
        val height = sizes.at(values, center, 1)
        return Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    }

    companion object {
        /** Null where the contract says nothing of boxes. */
        fun of(settings: DecoderSettings): CenterBoxes? {
            if (!settings.has("boxes.sizes.output")) return null
            val isOffset = settings.has("boxes.offsets.output")
            return CenterBoxes(
                sizes = CenterChannels.of(settings, "boxes.sizes", 2),
                offsets = if (isOffset) CenterChannels.of(settings, "boxes.offsets", 2) else null,
            )
        }
    }
}

/** Keypoints are moved to the nearest peak of their own heatmaps, if it is near and in the box. */
internal class CenterSnapping private constructor(
    val peaks: CenterPeaks,
    val offsets: CenterChannels?,
    private val distance: Double,
) {
    /** Moves [points], in cells; [found] are the peaks of each keypoint. */
    fun snap(outputs: Map<String, Tensor>, points: DoubleArray, box: Box, found: List<List<CenterPeak>>) {
        val longer = max(box.right - box.left, box.bottom - box.top)
        for ((k, own) in found.withIndex()) {
            var nearest = Double.POSITIVE_INFINITY
            var nearestX = 0.0
            var nearestY = 0.0
            for (peak in own) {
                val x = peak.x + (offsets?.let { it.at(it.tensor(outputs), peak, 0) } ?: 0.5)
                val y = peak.y + (offsets?.let { it.at(it.tensor(outputs), peak, 1) } ?: 0.5)
                val away = length(points[2 * k] - x, points[2 * k + 1] - y)
                if (away < nearest) {
                    nearest = away
                    nearestX = x
                    nearestY = y
                }
            }
            val isInside = nearestX in box.left..box.right && nearestY in box.top..box.bottom
            if (own.isNotEmpty() && isInside && nearest <= longer * distance) {
                points[2 * k] = nearestX
                points[2 * k + 1] = nearestY
            }
        }
    }

    private fun length(x: Double, y: Double): Double = sqrt(x * x + y * y)

    companion object {
        fun of(settings: DecoderSettings): CenterSnapping {
            val isOffset = settings.has("snapping.offsets.output")
            return CenterSnapping(
                peaks = CenterPeaks.of(settings, "snapping", settings.keypointCount),
                offsets = if (isOffset) CenterChannels.of(settings, "snapping.offsets", 2) else null,
                distance = settings.number("snapping.distance"),
            )
        }
    }
}

/** Heatmaps in which keypoints are scored: at a whole px of the maps brought to the input's size, or between cells. */
internal class CenterScoring private constructor(val channels: CenterChannels, private val read: Read) {
    enum class Read { FLOOR, BILINEAR }

    /** The heat of keypoint [k] at (x, y) in cells. */
    fun heat(outputs: Map<String, Tensor>, k: Int, x: Double, y: Double, stride: Int): Double {
        val tensor = channels.tensor(outputs)
        val (_, height, width) = tensor.shape
        if (read == Read.FLOOR) {
            return channels.between(tensor, wholePx(x, width, stride), wholePx(y, height, stride), k)
        }
        return channels.between(tensor, spanned(x, width), spanned(y, height), k)
    }

    /** Where the px of a coordinate lies among the cells. */
    private fun wholePx(value: Double, cells: Int, stride: Int): Double {
        val px = floor(value * stride).coerceIn(0.0, (cells * stride - 1).toDouble())
        return (px + 0.5) * (cells.toDouble() / (cells * stride)) - 0.5
    }

    /** MMPose's cells span 0 to n - 1 where it looks them up, and 0 to n where it reads them. */
    private fun spanned(value: Double, cells: Int): Double =
        (value * (cells.toDouble() / max(cells - 1, 1)) - 0.5).coerceIn(0.0, (cells - 1).toDouble())

    companion object {
        fun of(settings: DecoderSettings): CenterScoring = CenterScoring(
            channels = CenterChannels.of(settings, "scoring", settings.keypointCount),
            read = settings.choice("scoring.read"),
        )
    }
}
