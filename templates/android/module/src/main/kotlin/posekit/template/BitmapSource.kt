// SPDX-License-Identifier: Apache-2.0

package posekit.template

import android.graphics.Bitmap
import android.os.Build

/** The pixels of a [bitmap], read one rectangle at a time. */
internal class BitmapSource(private val bitmap: Bitmap) : PixelSource {
    init {
        require(!bitmap.isRecycled) { "the bitmap is recycled" }
        val inHardware = Build.VERSION.SDK_INT >= Build.VERSION_CODES.O && bitmap.config == Bitmap.Config.HARDWARE
        require(!inHardware) {
            "the bitmap's pixels are in graphics memory: use bitmap.copy(Bitmap.Config.ARGB_8888, false), " +
                "or decode it with ALLOCATOR_SOFTWARE"
        }
    }

    override val width: Int get() = bitmap.width
    override val height: Int get() = bitmap.height

    override fun read(window: PixelWindow) {
        bitmap.getPixels(window.argb, 0, window.width, window.left, window.top, window.width, window.height)
    }
}
