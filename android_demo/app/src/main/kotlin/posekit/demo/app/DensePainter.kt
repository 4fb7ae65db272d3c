// SPDX-License-Identifier: Apache-2.0

package posekit.demo.app

import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Matrix
import android.graphics.Paint
import posekit.template.DenseMap
import posekit.template.ViewMapping

private const val ALPHA = 110

/** Tints what the model says of every place: a mask in one colour, parts in a colour each. */
internal class DensePainter {
    private val paint = Paint(Paint.FILTER_BITMAP_FLAG)
    private val bitmaps = mutableListOf<Bitmap>() // kept from frame to frame
    private var cells = IntArray(0)

    fun draw(canvas: Canvas, maps: List<DenseMap>, mapping: ViewMapping) {
        maps.forEachIndexed { index, map -> canvas.drawBitmap(tinted(index, map), toView(map, mapping), paint) }
    }

    private fun tinted(index: Int, map: DenseMap): Bitmap {
        val count = map.width * map.height
        if (cells.size < count) cells = IntArray(count)
        for (row in 0 until map.height) {
            for (column in 0 until map.width) {
                val label = map.label(column, row)
                cells[row * map.width + column] = if (label == 0) 0 else colorOf(label, ALPHA)
            }
        }
        val bitmap = bitmap(index, map.width, map.height)
        bitmap.setPixels(cells, 0, map.width, 0, 0, map.width, map.height)
        return bitmap
    }

    private fun bitmap(index: Int, width: Int, height: Int): Bitmap {
        val kept = bitmaps.getOrNull(index)
        if (kept != null && kept.width == width && kept.height == height) return kept
        val made = Bitmap.createBitmap(width, height, Bitmap.Config.ARGB_8888)
        if (kept == null) bitmaps += made else bitmaps[index] = made
        return made
    }

    /** From the px of a map's bitmap to those of the view: the map's transform is that of the cells' centres. */
    private fun toView(map: DenseMap, mapping: ViewMapping): Matrix {
        val (a, b, tx, c, d) = map.transform.map { it.toFloat() }
        val ty = map.transform.last().toFloat()
        val toPicture = affine(a, b, tx, c, d, ty)
        val x = mapping.viewX(0.0)
        val y = mapping.viewY(0.0)
        val across = (mapping.viewX(1.0) - x).toFloat()
        val down = (mapping.viewY(1.0) - y).toFloat()
        val onView = affine(across, 0f, x.toFloat(), 0f, down, y.toFloat())
        return Matrix().apply {
            setTranslate(-0.5f, -0.5f)
            postConcat(toPicture)
            postConcat(onView)
        }
    }

    private fun affine(vararg values: Float) = Matrix().apply { setValues(values + floatArrayOf(0f, 0f, 1f)) }
}
