// SPDX-License-Identifier: Apache-2.0

package posekit.template

/** Where pixels come from: an image as stored, [width] x [height] px, before it is turned upright. */
internal interface PixelSource {
    val width: Int
    val height: Int

    /** Fill `window.argb`, row after row, with the rectangle that [window] names. */
    fun read(window: PixelWindow)
}

/**
 * A rectangle of a stored image, in px of that image, and its pixels as ARGB ints.
 *
 * It is used again for every frame: [argb] only ever grows.
 */
internal class PixelWindow {
    var left: Int = 0
        private set
    var top: Int = 0
        private set
    var width: Int = 0
        private set
    var height: Int = 0
        private set
    var argb: IntArray = IntArray(0)
        private set

    /** Of each column of one row of the input: the place in [argb] of its upper left tap, and how far on it lies. */
    var taps: IntArray = IntArray(0)
        private set
    var fractionsX: FloatArray = FloatArray(0)
        private set
    var fractionsY: FloatArray = FloatArray(0)
        private set

    /** Make room for the columns of one row. */
    fun reserve(columns: Int) {
        if (taps.size >= columns) return
        taps = IntArray(columns)
        fractionsX = FloatArray(columns)
        fractionsY = FloatArray(columns)
    }

    /** Take the columns [left]..[right] and rows [top]..[bottom], all inclusive. */
    fun set(left: Int, top: Int, right: Int, bottom: Int) {
        this.left = left
        this.top = top
        width = right - left + 1
        height = bottom - top + 1
        if (argb.size < width * height) argb = IntArray(width * height)
    }
}

/** Width of the upright image of a stored one. */
internal fun uprightWidth(width: Int, height: Int, orientation: Orientation): Int =
    if (orientation.swapsSides) height else width

/** Height of the upright image of a stored one. */
internal fun uprightHeight(width: Int, height: Int, orientation: Orientation): Int =
    if (orientation.swapsSides) width else height

/** From pixel indices of the upright image to pixel indices of the stored one, [width] x [height] px. */
internal fun storedIndexMatrix(width: Int, height: Int, orientation: Orientation): Affine {
    val flip = if (orientation.mirrored) -1.0 else 1.0
    // upright column, before mirroring, of column 0
    val start = if (orientation.mirrored) uprightWidth(width, height, orientation) - 1.0 else 0.0
    return when (orientation.rotationDegrees) {
        0 -> Affine(flip, 0.0, start, 0.0, 1.0, 0.0)
        90 -> Affine(0.0, 1.0, 0.0, -flip, 0.0, height - 1.0 - start)
        180 -> Affine(-flip, 0.0, width - 1.0 - start, 0.0, -1.0, height - 1.0)
        else -> Affine(0.0, -1.0, width - 1.0, flip, 0.0, start)
    }
}

/** The numbers 0 to 255, looked up: a pixel of the input takes twelve, and a desktop JVM converts slowly. */
private val LEVELS = FloatArray(256) { it.toFloat() }

internal fun red(argb: Int): Float = LEVELS[argb shr 16 and 255]

internal fun green(argb: Int): Float = LEVELS[argb shr 8 and 255]

internal fun blue(argb: Int): Float = LEVELS[argb and 255]
