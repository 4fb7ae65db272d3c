// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.abs
import kotlin.math.cos
import kotlin.math.floor
import kotlin.math.hypot
import kotlin.math.max
import kotlin.math.min
import kotlin.math.round
import kotlin.math.sin
import kotlin.math.sqrt

/** The map (x, y) -> (a x + b y + tx, c x + d y + ty). */
internal class Affine(
    val a: Double,
    val b: Double,
    val tx: Double,
    val c: Double,
    val d: Double,
    val ty: Double,
) {
    fun mapX(x: Double, y: Double): Double = a * x + b * y + tx

    fun mapY(x: Double, y: Double): Double = c * x + d * y + ty

    /** This map, then [next]. */
    fun then(next: Affine): Affine = Affine(
        next.a * a + next.b * c, next.a * b + next.b * d, next.mapX(tx, ty),
        next.c * a + next.d * c, next.c * b + next.d * d, next.mapY(tx, ty),
    )

    /** Whether px can be computed with it: its numbers are finite, and so are their sums over an input. */
    val isUsable: Boolean
        get() = doubleArrayOf(a, b, tx, c, d, ty).all { abs(it) < 1e30 } // false for NaN

    fun invert(): Affine {
        val det = a * d - b * c
        val ia = d / det
        val ib = -b / det
        val ic = -c / det
        val id = a / det
        return Affine(ia, ib, -(ia * tx + ib * ty), ic, id, -(ic * tx + id * ty))
    }
}

/**
 * The affine from source px to input px, and what a sampler needs beside it.
 *
 * The input pixels from (left, top) to before (right, bottom) show the source; the others are the pad value.
 * [pixelCenter] is the coordinate of the centre of pixel 0. [clamp]: outside the source repeat its edge (true)
 * or blend with the pad value (false).
 */
internal class InputTransform(
    val toInput: Affine,
    val left: Int,
    val top: Int,
    val right: Int,
    val bottom: Int,
    val pixelCenter: Double,
    val clamp: Boolean,
) {
    val toSource: Affine = toInput.invert()

    /** From pixel indices of the input to pixel indices of the upright image. */
    fun sourceIndexMatrix(): Affine = toSource.run {
        val x = mapX(pixelCenter, pixelCenter) - pixelCenter
        val y = mapY(pixelCenter, pixelCenter) - pixelCenter
        Affine(a, b, x, c, d, y)
    }

    /** Turns [offsets], x, y, z in turn, as of metres, from the axes of the input to those of the source; z stays. */
    fun turn(offsets: DoubleArray) {
        val length = hypot(toInput.a, toInput.b)
        val cos = toInput.a / length
        val sin = toInput.b / length
        for (at in offsets.indices step 3) {
            val x = offsets[at]
            val y = offsets[at + 1]
            offsets[at] = cos * x - sin * y
            offsets[at + 1] = sin * x + cos * y
        }
    }

    /** Mean scale of [toSource], used for depth (z), which has no axis of its own. */
    val sourcePxPerInputPx: Double
        get() = 1.0 / sqrt(abs(toInput.a * toInput.d - toInput.b * toInput.c))
}

/** The upright box around [box] as [map] moves it. */
internal fun boxAround(box: Box, map: Affine): Box {
    val (left, top, right, bottom) = box
    val xs = doubleArrayOf(map.mapX(left, top), map.mapX(right, top), map.mapX(right, bottom), map.mapX(left, bottom))
    val ys = doubleArrayOf(map.mapY(left, top), map.mapY(right, top), map.mapY(right, bottom), map.mapY(left, bottom))
    return Box(xs.min(), ys.min(), xs.max(), ys.max())
}

/** The region of a person's box in source px: grown about its centre to the input's aspect, times [padding]. */
internal fun regionFromBox(
    x1: Double,
    y1: Double,
    x2: Double,
    y2: Double,
    input: InputSpec,
    padding: Double,
): Region {
    var width = x2 - x1
    var height = y2 - y1
    val aspect = input.width.toDouble() / input.height
    if (width > height * aspect) height = width / aspect else width = height * aspect
    return Region((x1 + x2) / 2, (y1 + y2) / 2, width * padding, height * padding)
}

/** The region of a whole upright image; under AFFINE_CROP it is grown to the input's aspect, without padding. */
internal fun frameRegion(sourceWidth: Int, sourceHeight: Int, input: InputSpec): Region {
    val width = max(sourceWidth - input.shrink, 1).toDouble()
    val height = max(sourceHeight - input.shrink, 1).toDouble()
    if (input.resize == Resize.AFFINE_CROP) return regionFromBox(0.0, 0.0, width, height, input, 1.0)
    return Region(width / 2, height / 2, width, height)
}

/**
 * The transform that brings [region] (source px) to the model's input.
 *
 * AFFINE_CROP and STRETCH: the region fills the input; what lies outside the source is for [InputSpec.outside] to say.
 * LETTERBOX: one scale for both axes, the content centred or at the top left, padded.
 * [IllegalArgumentException] where the region is too small, too large or too far away for a finite scale, and where it
 * is turned though sampling is antialiased: that filter has the axes of the picture.
 */
internal fun inputTransform(region: Region, input: InputSpec): InputTransform {
    require(region.rotationDegrees == 0.0 || input.sampling != Sampling.BILINEAR_ANTIALIAS) {
        "$region is turned, but this model's antialiased sampling is for upright regions alone"
    }
    val shrink = input.shrink
    var extentX = input.width - shrink
    var extentY = input.height - shrink
    var left = 0
    var top = 0
    var contentWidth = input.width
    var contentHeight = input.height
    if (input.resize == Resize.LETTERBOX) {
        val fitting = min(extentX / region.width, extentY / region.height)
        val scale = if (input.enlarge) fitting else min(fitting, 1.0)
        requireUsable((region.width * scale).isFinite() && (region.height * scale).isFinite(), region)
        contentWidth = max(rounded(region.width * scale, input.rounding) + shrink, 1)
        contentHeight = max(rounded(region.height * scale, input.rounding) + shrink, 1)
        left = spareBefore(input.width - contentWidth, input)
        top = spareBefore(input.height - contentHeight, input)
        extentX = max(contentWidth - shrink, 1)
        extentY = max(contentHeight - shrink, 1)
    }
    val toInput = regionToExtent(region, left, top, extentX, extentY)
    val clamp = input.outside == Outside.EDGE
    val transform = InputTransform(toInput, left, top, left + contentWidth, top + contentHeight, input.pixelCenter, clamp)
    requireUsable(toInput.isUsable && transform.toSource.isUsable, region)
    return transform
}

private fun rounded(side: Double, rounding: Rounding): Int = when (rounding) {
    Rounding.HALF_UP -> floor(side + 0.5)
    Rounding.HALF_EVEN -> round(side) // Kotlin's takes a half to the even number
    Rounding.FLOOR -> floor(side)
}.toInt()

/** Of [spare] px of padding those that lie before the content. */
private fun spareBefore(spare: Int, input: InputSpec): Int = when (input.anchor) {
    Anchor.TOP_LEFT -> 0
    Anchor.CENTER -> Math.floorDiv(spare + (if (input.oddPixel == OddPixel.BEFORE) 1 else 0), 2)
}

private fun requireUsable(usable: Boolean, region: Region) {
    require(usable) { "$region is too small, too large or too far away" }
}

private fun regionToExtent(region: Region, left: Int, top: Int, extentX: Int, extentY: Int): Affine {
    val scaleX = extentX / region.width
    val scaleY = extentY / region.height
    val angle = region.rotationDegrees * Math.PI / 180
    val cos = cos(angle)
    val sin = sin(angle)
    val a = cos * scaleX
    val b = sin * scaleX
    val c = -sin * scaleY
    val d = cos * scaleY
    val tx = left + extentX / 2.0 - (a * region.centerX + b * region.centerY)
    val ty = top + extentY / 2.0 - (c * region.centerX + d * region.centerY)
    return Affine(a, b, tx, c, d, ty)
}
