// SPDX-License-Identifier: Apache-2.0

package posekit.template

import android.graphics.Bitmap
import android.os.Build

/** The pixels of a [bitmap]; one in graphics memory is copied for as long as it is read. */
internal class BitmapSource(private val bitmap: Bitmap) : PixelSource {
    init {
        require(!bitmap.isRecycled) { "the bitmap is recycled" }
    }

    override val width: Int get() = bitmap.width
    override val height: Int get() = bitmap.height

    override fun read(window: PixelWindow) {
        if (!isInGraphicsMemory) return read(bitmap, window)
        val copy = requireNotNull(bitmap.copy(Bitmap.Config.ARGB_8888, false)) { "the bitmap cannot be copied" }
        try {
            read(copy, window)
        } finally {
            copy.recycle()
        }
    }

    private val isInGraphicsMemory: Boolean
        get() = Build.VERSION.SDK_INT >= Build.VERSION_CODES.O && bitmap.config == Bitmap.Config.HARDWARE

    private fun read(from: Bitmap, window: PixelWindow) = window.forEachBand { row, count, start ->
        from.getPixels(window.argb, start, window.width, window.left, row, window.width, count)
    }
}
