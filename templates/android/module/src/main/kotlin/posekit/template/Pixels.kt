// SPDX-License-Identifier: Apache-2.0

package posekit.template

import android.graphics.Bitmap
import java.nio.ByteBuffer

/**
 * The pixels of a picture or of a camera's frame, as stored, before they are turned upright.
 *
 * Nothing is copied: the memory must stay as it is until the call that looks at it returns. Only what the model's input
 * is made of is read and converted.
 */
public class Pixels private constructor(internal val source: PixelSource) {
    /** Width as stored, px. */
    public val width: Int get() = source.width

    /** Height as stored, px. */
    public val height: Int get() = source.height

    /**
     * A plane of 8-bit samples in [buffer], from its position on.
     *
     * @property rowStride bytes from one row to the next.
     * @property pixelStride bytes from one sample to the next; 2 where U and V lie in turn.
     */
    public class Plane @JvmOverloads constructor(
        internal val buffer: ByteBuffer,
        public val rowStride: Int,
        public val pixelStride: Int = 1,
    )

    public companion object {
        /**
         * Those of [bitmap], of any configuration; one in graphics memory is copied while it is looked at.
         *
         * @throws IllegalArgumentException when the bitmap is recycled.
         */
        @JvmStatic
        public fun of(bitmap: Bitmap): Pixels = Pixels(BitmapSource(bitmap))

        /**
         * Those of [buffer]: red, green, blue and alpha, a byte each, from its position on, as of CameraX's
         * `OUTPUT_IMAGE_FORMAT_RGBA_8888`.
         *
         * @param rowStride bytes from one row to the next.
         * @throws IllegalArgumentException when the buffer is too short, or a size or stride is none.
         */
        @JvmStatic
        @JvmOverloads
        public fun rgba(buffer: ByteBuffer, width: Int, height: Int, rowStride: Int = 4 * width): Pixels =
            Pixels(RgbaSource(width, height, Plane(buffer, rowStride, 4)))

        /**
         * Those of three planes, of which [u] and [v] have a sample for every 2 x 2 px: `YUV_420_888`, NV12, I420, ...
         *
         * @param colors what the numbers mean; a camera's are mostly those of JPEG, the default.
         * @throws IllegalArgumentException when a plane is too short, or a size or stride is none.
         */
        @JvmStatic
        @JvmOverloads
        public fun yuv420(
            y: Plane, u: Plane, v: Plane, width: Int, height: Int, colors: YuvColors = YuvColors(),
        ): Pixels = Pixels(YuvSource(width, height, y, u, v, colors))

        /**
         * Those of [bytes] in NV21, the format of Android's first camera API: all of Y, then V and U in turn, without
         * padding.
         *
         * @throws IllegalArgumentException when there are too few bytes, or a size is none.
         */
        @JvmStatic
        @JvmOverloads
        public fun nv21(bytes: ByteArray, width: Int, height: Int, colors: YuvColors = YuvColors()): Pixels {
            val chromaRow = (width + 1) / 2 * 2
            fun plane(start: Int, rowStride: Int, pixelStride: Int): Plane {
                require(start in 0..bytes.size) { "${bytes.size} bytes hold no $width x $height px of NV21" }
                return Plane(ByteBuffer.wrap(bytes, start, bytes.size - start), rowStride, pixelStride)
            }
            val area = width * height
            return yuv420(plane(0, width, 1), plane(area + 1, chromaRow, 2), plane(area, chromaRow, 2), width, height, colors)
        }
    }
}

/** Which weights of red, green and blue make Y: those of standard or of high definition (ITU-R BT.601 and BT.709). */
public enum class YuvMatrix(internal val red: Double, internal val blue: Double) {
    BT601(0.299, 0.114),
    BT709(0.2126, 0.0722),
}

/** Whether black to white is 0 to 255 (JPEG) or 16 to 235 (video). */
public enum class YuvRange { FULL, VIDEO }

/** What the numbers of YUV planes mean. */
public data class YuvColors @JvmOverloads constructor(
    public val matrix: YuvMatrix = YuvMatrix.BT601,
    public val range: YuvRange = YuvRange.FULL,
)
