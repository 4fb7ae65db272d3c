// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.floor

private const val BITS = 16
private const val HALF = 1 shl BITS - 1

/**
 * How Y, U and V become red, green and blue: whole numbers, in 65536ths.
 *
 * Mirrors posekit/poses/yuv.py, to the bit.
 */
internal class YuvConversion(colors: YuvColors) {
    private val black = if (colors.range == YuvRange.FULL) 0 else 16
    private val luma: Int
    private val redV: Int
    private val greenU: Int
    private val greenV: Int
    private val blueU: Int

    init {
        val isFull = colors.range == YuvRange.FULL
        val chroma = if (isFull) 1.0 else 255.0 / 224
        val (red, blue) = colors.matrix.run { red to blue }
        val green = 1 - red - blue
        luma = fixed(if (isFull) 1.0 else 255.0 / 219)
        redV = fixed(2 * (1 - red) * chroma)
        blueU = fixed(2 * (1 - blue) * chroma)
        greenU = fixed(-2 * blue * (1 - blue) / green * chroma)
        greenV = fixed(-2 * red * (1 - red) / green * chroma)
    }

    /** An opaque ARGB of samples from 0 to 255. */
    fun argb(y: Int, u: Int, v: Int): Int {
        val light = luma * (y - black) + HALF
        val red = level(light + redV * (v - 128))
        val green = level(light + greenU * (u - 128) + greenV * (v - 128))
        val blue = level(light + blueU * (u - 128))
        return (0xff shl 24) or (red shl 16) or (green shl 8) or blue
    }

    private fun level(value: Int): Int = (value shr BITS).coerceIn(0, 255)

    private fun fixed(value: Double): Int = floor(value * (1 shl BITS) + 0.5).toInt()
}

/** Pixels in YUV planes; a px takes the colour of the 2 x 2 px that it belongs to. */
internal class YuvSource(
    override val width: Int,
    override val height: Int,
    y: Pixels.Plane,
    u: Pixels.Plane,
    v: Pixels.Plane,
    colors: YuvColors,
) : PixelSource {
    private val conversion = YuvConversion(colors)
    private val light: PlaneRows
    private val blueness: PlaneRows
    private val redness: PlaneRows
    private val lightStride = y.pixelStride
    private val bluenessStride = u.pixelStride
    private val rednessStride = v.pixelStride

    init {
        requireSize(width, height)
        light = PlaneRows("Y", y, width, height, 1)
        blueness = PlaneRows("U", u, (width + 1) / 2, (height + 1) / 2, 1)
        redness = PlaneRows("V", v, (width + 1) / 2, (height + 1) / 2, 1)
    }

    override fun read(window: PixelWindow) {
        val left = window.left
        val right = left + window.width
        window.forEachRow { row, start ->
            val y = light.read(row, left, right)
            val u = blueness.read(row / 2, left / 2, (right + 1) / 2)
            val v = redness.read(row / 2, left / 2, (right + 1) / 2)
            for (place in 0 until window.columnCount) {
                val at = window.columns[place]
                val pair = (left + at) / 2 - left / 2
                window.argb[start + at] = conversion.argb(
                    y[at * lightStride].toInt() and 255,
                    u[pair * bluenessStride].toInt() and 255,
                    v[pair * rednessStride].toInt() and 255,
                )
            }
        }
    }
}
