// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.floor

/** Which rows and columns of a stored image bilinear sampling touches; its arrays only grow. */
internal class NeededPixels {
    var rows: BooleanArray = BooleanArray(0)
        private set
    var columns: BooleanArray = BooleanArray(0)
        private set

    /**
     * Mark what the px in [inputColumns] and [inputRows] of the input are made of, in an image of [width] x [height] px.
     *
     * [placed] is the index that is read for one of the stored image. False where [toStored] turns the axes: then there
     * is no row without a px that is needed.
     */
    inline fun mark(
        toStored: Affine, inputColumns: IntRange, inputRows: IntRange, width: Int, height: Int, placed: (Double) -> Double,
    ): Boolean {
        val isUpright = toStored.b == 0.0 && toStored.c == 0.0
        val swapsSides = toStored.a == 0.0 && toStored.d == 0.0
        if (!isUpright && !swapsSides) return false
        clear(width, height)
        if (isUpright) {
            for (column in inputColumns) touch(columns, placed(toStored.a * column + toStored.tx), width)
            for (row in inputRows) touch(rows, placed(toStored.d * row + toStored.ty), height)
        } else {
            for (row in inputRows) touch(columns, placed(toStored.b * row + toStored.tx), width)
            for (column in inputColumns) touch(rows, placed(toStored.c * column + toStored.ty), height)
        }
        return true
    }

    fun clear(width: Int, height: Int) {
        if (rows.size < height) rows = BooleanArray(height)
        if (columns.size < width) columns = BooleanArray(width)
        rows.fill(false)
        columns.fill(false)
    }

    /** Both px that [position] lies between; those outside are looked for at the edge. */
    fun touch(needed: BooleanArray, position: Double, length: Int) {
        val before = floor(position.coerceIn(-2.0, length + 1.0)).toInt()
        needed[before.coerceIn(0, length - 1)] = true
        needed[(before + 1).coerceIn(0, length - 1)] = true
    }
}
