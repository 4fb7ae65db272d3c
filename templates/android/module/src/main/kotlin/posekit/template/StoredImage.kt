// SPDX-License-Identifier: Apache-2.0

package posekit.template

/** Where pixels come from: an image as stored, [width] x [height] px, before it is turned upright. */
internal interface PixelSource {
    val width: Int
    val height: Int

    /** Fill the rows and columns that [window] asks for. */
    fun read(window: PixelWindow)
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
