// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.floor
import kotlin.math.min

/**
 * What the model says of every place of where it looked: a grid of cells, with one number a cell.
 *
 * @property name the contract's name of it.
 * @property width cells in a row.
 * @property height cells in a column.
 * @property values row after row: of a mask how sure the model is, 0 to 1, else the number of the cell's label.
 * @property labels the names of labels 1, 2, ...; 0 is the background. A mask has one.
 * @property threshold from which value on a mask is on; null where [values] are labels.
 * @property surface U and V of each cell in turn, 0 to 1: where on the surface of its part it is; null where the model
 *   does not say.
 */
public class DenseMap internal constructor(
    public val name: String,
    public val width: Int,
    public val height: Int,
    public val values: FloatArray,
    public val labels: List<String>,
    public val threshold: Double?,
    private val toPicture: Affine,
    public val surface: FloatArray? = null,
) {
    private val toCell by lazy { toPicture.invert() }

    /** From a cell's column and row to the middle of it in px of the upright image: a, b, tx, c, d, ty. */
    public val transform: DoubleArray
        get() = toPicture.run { doubleArrayOf(a, b, tx, c, d, ty) }

    /** The number of the label of the cell at [column] and [row]; of a mask 1 where it is on. */
    public fun label(column: Int, row: Int): Int = labelAt(row * width + column)

    internal fun labelAt(index: Int): Int {
        val value = values[index]
        return if (threshold == null) value.toInt() else if (value >= threshold.toFloat()) 1 else 0
    }

    /**
     * The value at ([x], [y]), px of the upright image; 0 where the model did not look.
     *
     * Between cells a mask is bilinear; a label is that of the nearest cell.
     */
    public fun at(x: Double, y: Double): Float {
        val column = toCell.mapX(x, y)
        val row = toCell.mapY(x, y)
        if (!(column >= -0.5 && column <= width - 0.5 && row >= -0.5 && row <= height - 0.5)) return 0f
        val withinX = column.coerceIn(0.0, width - 1.0)
        val withinY = row.coerceIn(0.0, height - 1.0)
        return if (threshold == null) {
            values[floor(withinY + 0.5).toInt() * width + floor(withinX + 0.5).toInt()]
        } else {
            between(withinX, withinY)
        }
    }

    private fun between(column: Double, row: Double): Float {
        val left = column.toInt()
        val top = row.toInt()
        val right = min(left + 1, width - 1)
        val below = min(top + 1, height - 1)
        val across = column - left
        val down = row - top
        val above = values[top * width + left] * (1 - across) + values[top * width + right] * across
        val under = values[below * width + left] * (1 - across) + values[below * width + right] * across
        return (above * (1 - down) + under * down).toFloat()
    }
}
