// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.abs
import kotlin.math.ceil
import kotlin.math.floor
import kotlin.math.max
import kotlin.math.min

/**
 * Antialiased sampling of an upright region: a triangle filter on each axis, as wide as a px of the input is in the
 * source, as Pillow's resize does with BILINEAR.
 *
 * For a px of the input whose centre is at source index p, source px k weighs max(0, 1 - |k - p| / s), s being the
 * source px per input px, or 1 if that is less; the weights are divided by their sum. With `clamp` only px of the
 * picture count, and where none is near, the nearest does; else those outside count as the pad value.
 *
 * [toStored] leads from an index of the input to one of the stored picture; [swapsSides] says that it exchanges axes.
 */
internal class Antialias(
    private val input: InputSpec,
    private val transform: InputTransform,
    toStored: Affine,
    private val swapsSides: Boolean,
    imageWidth: Int,
    imageHeight: Int,
) {
    private val pad = input.padValue.toFloat()
    private val left = max(transform.left, 0)
    private val top = max(transform.top, 0)
    private val columns = min(transform.right, input.width) - left
    private val rows = min(transform.bottom, input.height) - top

    /** Along a stored row, and from one stored row to the next. */
    private val along: AxisTaps
    private val across: AxisTaps
    private val line: FloatArray

    init {
        val clamp = transform.clamp
        if (swapsSides) {
            along = AxisTaps(toStored.tx, toStored.b, top, rows, imageWidth, clamp)
            across = AxisTaps(toStored.ty, toStored.c, left, columns, imageHeight, clamp)
        } else {
            along = AxisTaps(toStored.tx, toStored.a, left, columns, imageWidth, clamp)
            across = AxisTaps(toStored.ty, toStored.d, top, rows, imageHeight, clamp)
        }
        line = FloatArray(along.count * 3)
    }

    /** Set [window] to the pixels that [warp] touches. */
    fun window(window: PixelWindow) {
        window.set(left = along.lowest, top = across.lowest, right = along.highest, bottom = across.highest)
    }

    /** Write the input, H x W x 3, RGB 0-255, to [out]. */
    fun warp(window: PixelWindow, out: FloatArray) {
        out.fill(pad)
        val lineStep = if (swapsSides) input.width * 3 else 3
        val acrossStep = if (swapsSides) 3 else input.width * 3
        val origin = (top * input.width + left) * 3
        padOutside(out, origin, lineStep, acrossStep)
        for (row in 0 until window.height) {
            sampleLine(window, row)
            for (j in 0 until across.count) {
                val weight = across.weight(j, window.top + row)
                if (weight != 0f) addLine(out, origin + j * acrossStep, lineStep, weight)
            }
        }
    }

    /** What the pad value adds to every px that shows the source. */
    private fun padOutside(out: FloatArray, origin: Int, lineStep: Int, acrossStep: Int) {
        for (j in 0 until across.count) {
            for (i in 0 until along.count) {
                val value = if (transform.clamp) 0f else pad * (1 - across.inside[j] * along.inside[i])
                val at = origin + j * acrossStep + i * lineStep
                out.fill(value, at, at + 3)
            }
        }
    }

    private fun sampleLine(window: PixelWindow, row: Int) {
        val argb = window.argb
        for (i in 0 until along.count) {
            var at = row * window.width + along.first[i] - window.left
            var red = 0f
            var green = 0f
            var blue = 0f
            for (tap in along.start[i] until along.start[i + 1]) {
                val weight = along.weights[tap]
                val pixel = argb[at++]
                red += weight * (pixel shr 16 and 255)
                green += weight * (pixel shr 8 and 255)
                blue += weight * (pixel and 255)
            }
            line[3 * i] = red
            line[3 * i + 1] = green
            line[3 * i + 2] = blue
        }
    }

    private fun addLine(out: FloatArray, start: Int, step: Int, weight: Float) {
        var at = start
        for (i in 0 until along.count) {
            out[at] += weight * line[3 * i]
            out[at + 1] += weight * line[3 * i + 1]
            out[at + 2] += weight * line[3 * i + 2]
            at += step
        }
    }
}

/**
 * What each px of the input is made of along one axis of the stored picture, which is [length] px long.
 *
 * Px i of [count] lies at the index origin + step * (from + i). Its weights are those from `start[i]` to before
 * `start[i + 1]`, for the px of the picture from `first[i]` on; `inside[i]` is their sum, which padding makes 1.
 */
internal class AxisTaps(
    origin: Double,
    step: Double,
    from: Int,
    val count: Int,
    private val length: Int,
    private val clamp: Boolean,
) {
    val first = IntArray(count)
    val start = IntArray(count + 1)
    val inside = FloatArray(count)
    var weights = FloatArray(0)
        private set

    /** The first and the last px of the picture that any weight is for. */
    val lowest: Int
    val highest: Int

    private val reach = max(abs(step), 1.0)

    init {
        for (i in 0 until count) fill(i, origin + step * (from + i))
        lowest = first.min()
        highest = (0 until count).maxOf { first[it] + start[it + 1] - start[it] - 1 }
    }

    /** The weight of the picture's px [pixel] in px [i] of the input. */
    fun weight(i: Int, pixel: Int): Float {
        val tap = start[i] + pixel - first[i]
        return if (tap >= start[i] && tap < start[i + 1]) weights[tap] else 0f
    }

    private fun fill(i: Int, where: Double) {
        val position = where.coerceIn(-reach - 1, length + reach) // farther away there is nothing either
        var low = ceil(position - reach).coerceIn(0.0, length - 1.0).toInt()
        var high = floor(position + reach).coerceIn(0.0, length - 1.0).toInt()
        var sum = 0.0
        for (pixel in low..high) sum += triangle(pixel - position)
        val nearest = clamp && sum == 0.0
        if (nearest) {
            low = if (position < 0) 0 else length - 1
            high = low
        }
        val whole = if (clamp) sum else whole(position)
        first[i] = low
        start[i + 1] = start[i] + high - low + 1
        if (weights.size < start[i + 1]) weights = weights.copyOf(max(start[i + 1], 2 * weights.size))
        for (pixel in low..high) {
            weights[start[i] + pixel - low] = if (nearest) 1f else (triangle(pixel - position) / whole).toFloat()
        }
        inside[i] = if (nearest) 1f else (sum / whole).toFloat()
    }

    private fun triangle(distance: Double): Double = max(1 - abs(distance) / reach, 0.0)

    /** Sum of the triangle over all whole numbers: two arithmetic series, to the left and right of [position]. */
    private fun whole(position: Double): Double {
        val fraction = position - floor(position)
        val left = ceil(reach - fraction)
        val right = ceil(reach + fraction) - 1
        return left - (left * fraction + left * (left - 1) / 2) / reach +
            right - (right * (right + 1) / 2 - right * fraction) / reach
    }
}
