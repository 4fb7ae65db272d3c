// SPDX-License-Identifier: Apache-2.0

package posekit.demo.app

import android.content.Context
import android.graphics.Canvas
import android.util.AttributeSet
import android.view.View

/** Draws people over the preview, or over a picture, which fills the same place. */
class OverlayView @JvmOverloads constructor(context: Context, attributes: AttributeSet? = null) :
    View(context, attributes) {
    private val people = PeoplePainter(resources)
    private val dense = DensePainter()

    /** What is to be seen; null for nothing. */
    internal var drawing: Drawing? = null
        set(value) {
            val before = field?.frame?.people?.size
            field = value
            val count = value?.frame?.people?.size
            if (count != before) {
                contentDescription = count?.let { resources.getQuantityString(R.plurals.people_described, it, it) }
            }
            invalidate()
        }

    override fun onDraw(canvas: Canvas) {
        super.onDraw(canvas)
        val drawing = drawing ?: return
        if (width == 0 || height == 0) return
        val mapping = drawing.mapping(width, height)
        dense.draw(canvas, drawing.frame.dense, mapping)
        people.draw(canvas, drawing.frame.people, mapping)
    }
}
