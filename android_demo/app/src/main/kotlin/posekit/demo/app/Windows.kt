// SPDX-License-Identifier: Apache-2.0

package posekit.demo.app

import android.graphics.Bitmap
import android.graphics.Canvas
import android.os.Build
import android.view.View
import android.view.WindowInsets
import androidx.camera.view.PreviewView

/** Keep [view] clear of the system's bars and of cutouts where the window reaches below them; older systems do it. */
internal fun keepClearOfSystemBars(view: View) {
    if (Build.VERSION.SDK_INT < Build.VERSION_CODES.R) return
    view.setOnApplyWindowInsetsListener { padded, insets ->
        val bars = insets.getInsets(WindowInsets.Type.systemBars() or WindowInsets.Type.displayCutout())
        padded.setPadding(bars.left, bars.top, bars.right, bars.bottom)
        WindowInsets.CONSUMED
    }
}

/** What is seen in [stage]; [preview], which is in it and draws past its canvas, is null where a picture is shown. */
internal fun snapshot(stage: View, overlay: View, preview: PreviewView?): Bitmap? {
    if (stage.width == 0 || stage.height == 0) return null
    val seen = preview?.bitmap ?: return drawn(stage)
    val bitmap = seen.copy(Bitmap.Config.ARGB_8888, true) ?: return null
    Canvas(bitmap).apply {
        scale(bitmap.width / overlay.width.toFloat(), bitmap.height / overlay.height.toFloat())
        overlay.draw(this)
    }
    return bitmap
}

private fun drawn(view: View): Bitmap =
    Bitmap.createBitmap(view.width, view.height, Bitmap.Config.ARGB_8888).also { view.draw(Canvas(it)) }
