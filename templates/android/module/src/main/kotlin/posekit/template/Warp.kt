// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.ceil
import kotlin.math.floor
import kotlin.math.max
import kotlin.math.min

/**
 * Samples the model's input from a stored image: bilinear, or by [Antialias] where the contract says so.
 *
 * First [window] says which pixels are needed, then [warp] reads them. Positions are computed from the column and
 * row afresh, so no error builds up along a row. Pixels whose four taps all lie inside the image take a short way.
 */
internal class Warp(
    private val input: InputSpec,
    private val transform: InputTransform,
    orientation: Orientation,
    private val imageWidth: Int,
    private val imageHeight: Int,
) {
    private val pad = input.padValue.toFloat()
    private val toStored = transform.sourceIndexMatrix().then(storedIndexMatrix(imageWidth, imageHeight, orientation))
    private val isIn32nds = input.sampling == Sampling.BILINEAR_32NDS
    private val antialias = if (input.sampling != Sampling.BILINEAR_ANTIALIAS) {
        null
    } else {
        Antialias(input, transform, toStored, orientation.swapsSides, imageWidth, imageHeight)
    }

    /** Set [window] to the pixels that [warp] touches: at least one, at most the whole image. */
    fun window(window: PixelWindow) {
        if (antialias != null) return antialias.window(window)
        var minX = Double.POSITIVE_INFINITY
        var maxX = Double.NEGATIVE_INFINITY
        var minY = Double.POSITIVE_INFINITY
        var maxY = Double.NEGATIVE_INFINITY
        for (corner in 0 until 4) {
            val column = if (corner and 1 == 0) transform.left else transform.right - 1
            val row = if (corner and 2 == 0) transform.top else transform.bottom - 1
            val x = placed(toStored.a * column + (toStored.b * row + toStored.tx))
            val y = placed(toStored.c * column + (toStored.d * row + toStored.ty))
            minX = min(minX, x)
            maxX = max(maxX, x)
            minY = min(minY, y)
            maxY = max(maxY, y)
        }
        window.set(
            left = floor(minX).coerceIn(0.0, imageWidth - 1.0).toInt(),
            top = floor(minY).coerceIn(0.0, imageHeight - 1.0).toInt(),
            right = (floor(maxX) + 1).coerceIn(0.0, imageWidth - 1.0).toInt(),
            bottom = (floor(maxY) + 1).coerceIn(0.0, imageHeight - 1.0).toInt(),
            only = window.needed.takeIf(::mark),
        )
    }

    private fun mark(needed: NeededPixels): Boolean = needed.mark(
        toStored, max(transform.left, 0) until min(transform.right, input.width),
        max(transform.top, 0) until min(transform.bottom, input.height), imageWidth, imageHeight, ::placed,
    )

    /** Write the input, H x W x 3, RGB 0-255, to [out]. [window] holds the pixels that [window] asked for. */
    fun warp(window: PixelWindow, out: FloatArray) {
        if (antialias != null) return antialias.warp(window, out)
        val width = input.width
        window.reserve(width)
        val left = max(transform.left, 0)
        val right = min(transform.right, width)
        for (row in 0 until input.height) {
            val start = row * width * 3
            if (row < transform.top || row >= transform.bottom) {
                out.fill(pad, start, start + width * 3)
                continue
            }
            out.fill(pad, start, start + left * 3)
            out.fill(pad, start + right * 3, start + width * 3)
            val x0 = toStored.b * row + toStored.tx
            val y0 = toStored.d * row + toStored.ty
            val first = firstInside(x0, y0, left, right)
            val last = lastInside(x0, y0, first, right)
            border(window, x0, y0, left, first, start, out)
            interior(window, x0, y0, first, last, start, out)
            border(window, x0, y0, last, right, start, out)
        }
    }

    /** An index of the stored image as it is read: rounded to 32nds, halves up whatever the last digits, or as it is. */
    private fun placed(index: Double): Double = if (isIn32nds) floor(index * 32 + (0.5 + 1e-7)) / 32 else index

    /** Whether all four taps of [column] lie inside the image. */
    private fun inside(x0: Double, y0: Double, column: Int): Boolean {
        val x = placed(toStored.a * column + x0)
        val y = placed(toStored.c * column + y0)
        return x >= 0 && y >= 0 && x < imageWidth - 1 && y < imageHeight - 1
    }

    private fun firstInside(x0: Double, y0: Double, left: Int, right: Int): Int {
        val entry = max(enter(x0, toStored.a, imageWidth - 1), enter(y0, toStored.c, imageHeight - 1))
        var first = ceil(entry).coerceIn(left.toDouble(), right.toDouble()).toInt()
        while (first < right && first <= entry + 1 && !inside(x0, y0, first)) first++ // rounding
        return first
    }

    /** One past the last inside column; [first] where there is none. */
    private fun lastInside(x0: Double, y0: Double, first: Int, right: Int): Int {
        val exit = min(leave(x0, toStored.a, imageWidth - 1), leave(y0, toStored.c, imageHeight - 1))
        var last = (floor(exit) + 1).coerceIn(first.toDouble(), right.toDouble()).toInt()
        while (last > first && !inside(x0, y0, last - 1)) last--
        if (last > first && !inside(x0, y0, first)) return first
        return last
    }

    /** Column at which start + step * column comes into 0 to [end]. */
    private fun enter(start: Double, step: Double, end: Int): Double =
        if (step == 0.0) Double.NEGATIVE_INFINITY else min(-start / step, (end - start) / step)

    private fun leave(start: Double, step: Double, end: Int): Double =
        if (step == 0.0) Double.POSITIVE_INFINITY else max(-start / step, (end - start) / step)

    /** Positions of the whole row first, taps after: the first loop then has no memory to wait for. */
    private fun interior(
        window: PixelWindow, x0: Double, y0: Double, from: Int, until: Int, rowStart: Int, out: FloatArray,
    ) {
        val stride = window.width // a px below: a needed row follows the one above it
        locate(window, x0, y0, from, until)
        val argb = window.argb
        val taps = window.taps
        val fractionsX = window.fractionsX
        val fractionsY = window.fractionsY
        var at = rowStart + from * 3
        for (column in from until until) {
            val tap = taps[column]
            val fx = fractionsX[column]
            val fy = fractionsY[column]
            val p = argb[tap]
            val q = argb[tap + 1]
            val r = argb[tap + stride]
            val s = argb[tap + stride + 1]
            out[at] = blend(red(p), red(q), red(r), red(s), fx, fy)
            out[at + 1] = blend(green(p), green(q), green(r), green(s), fx, fy)
            out[at + 2] = blend(blue(p), blue(q), blue(r), blue(s), fx, fy)
            at += 3
        }
    }

    private fun locate(window: PixelWindow, x0: Double, y0: Double, from: Int, until: Int) {
        val taps = window.taps
        val fractionsX = window.fractionsX
        val fractionsY = window.fractionsY
        val starts = window.starts
        val first = window.left
        val top = window.top
        val stepX = toStored.a
        val stepY = toStored.c
        for (column in from until until) {
            val x = placed(stepX * column + x0)
            val y = placed(stepY * column + y0)
            val xi = x.toInt() // inside, so truncation is floor
            val yi = y.toInt()
            taps[column] = starts[yi - top] + xi - first
            fractionsX[column] = (x - xi).toFloat()
            fractionsY[column] = (y - yi).toFloat()
        }
    }

    private fun blend(p: Float, q: Float, r: Float, s: Float, fx: Float, fy: Float): Float {
        val upper = p + (q - p) * fx
        val lower = r + (s - r) * fx
        return upper + (lower - upper) * fy
    }

    private fun border(
        window: PixelWindow, x0: Double, y0: Double, from: Int, until: Int, rowStart: Int, out: FloatArray,
    ) {
        for (column in from until until) {
            // Far outside everything is border: the clip keeps the indices small and changes no value.
            val x = placed(toStored.a * column + x0).coerceIn(-2.0, imageWidth + 1.0)
            val y = placed(toStored.c * column + y0).coerceIn(-2.0, imageHeight + 1.0)
            val xi = floor(x).toInt()
            val yi = floor(y).toInt()
            val fx = (x - xi).toFloat()
            val fy = (y - yi).toFloat()
            for (channel in 0 until 3) {
                val shift = 16 - 8 * channel
                val upper = tap(window, xi, yi, shift) * (1 - fx) + tap(window, xi + 1, yi, shift) * fx
                val lower = tap(window, xi, yi + 1, shift) * (1 - fx) + tap(window, xi + 1, yi + 1, shift) * fx
                out[rowStart + column * 3 + channel] = upper * (1 - fy) + lower * fy
            }
        }
    }

    private fun tap(window: PixelWindow, column: Int, row: Int, shift: Int): Float {
        val inside = column in 0 until imageWidth && row in 0 until imageHeight
        if (!inside && !transform.clamp) return pad
        val x = column.coerceIn(0, imageWidth - 1) - window.left
        val y = row.coerceIn(0, imageHeight - 1) - window.top
        return (window.argb[window.starts[y] + x] shr shift and 255).toFloat()
    }
}
