// SPDX-License-Identifier: Apache-2.0

package posekit.template

/**
 * The px of a stored image that an input is made of, as ARGB ints: of a rectangle those rows and columns that are needed.
 *
 * It is used again for every frame: its arrays only grow, until [shrink].
 */
internal class PixelWindow {
    var left: Int = 0
        private set
    var top: Int = 0
        private set
    var width: Int = 0
        private set
    var height: Int = 0
        private set
    var argb: IntArray = IntArray(0)
        private set

    /** Of each row of the rectangle the place in [argb] of its first px; -1 where the row is not needed. */
    var starts: IntArray = IntArray(0)
        private set

    /** The columns of the rectangle that are needed, the first [columnCount] of these, from 0 on. */
    var columns: IntArray = IntArray(0)
        private set
    var columnCount: Int = 0
        private set

    /** For whoever asks for a part of the rectangle. */
    val needed: NeededPixels = NeededPixels()

    /** Of each column of one row of the input: the place in [argb] of its upper left tap, and how far on it lies. */
    var taps: IntArray = IntArray(0)
        private set
    var fractionsX: FloatArray = FloatArray(0)
        private set
    var fractionsY: FloatArray = FloatArray(0)
        private set

    /** Make room for the columns of one row. */
    fun reserve(columns: Int) {
        if (taps.size >= columns) return
        taps = IntArray(columns)
        fractionsX = FloatArray(columns)
        fractionsY = FloatArray(columns)
    }

    /**
     * Ask for the columns [left]..[right] and rows [top]..[bottom], all inclusive; of these, where [only] is given, for
     * those that it says are needed.
     */
    fun set(left: Int, top: Int, right: Int, bottom: Int, only: NeededPixels? = null) {
        this.left = left
        this.top = top
        width = right - left + 1
        height = bottom - top + 1
        if (starts.size < height) starts = IntArray(height)
        if (columns.size < width) columns = IntArray(width)
        var count = 0
        for (row in 0 until height) {
            val isNeeded = only == null || only.rows[top + row]
            starts[row] = if (isNeeded) count else -1
            if (isNeeded) count += width
        }
        columnCount = 0
        for (column in 0 until width) if (only == null || only.columns[left + column]) columns[columnCount++] = column
        if (argb.size < count) argb = IntArray(count)
    }

    /** Give every needed row of the stored image and the place in [argb] of its first px. */
    inline fun forEachRow(take: (row: Int, start: Int) -> Unit) {
        for (row in 0 until height) if (starts[row] >= 0) take(top + row, starts[row])
    }

    /** The same of rows that follow each other: the first of them, how many there are, and the place in [argb]. */
    inline fun forEachBand(take: (row: Int, count: Int, start: Int) -> Unit) {
        var first = 0
        while (first < height) {
            var end = first
            while (end < height && starts[end] >= 0) end++
            if (end > first) take(top + first, end - first, starts[first])
            first = end + 1
        }
    }

    /** Let go of the px where they take more memory than those of a camera's frames do. */
    fun shrink() {
        if (argb.size > LARGEST_KEPT) argb = IntArray(0)
    }

    private companion object {
        const val LARGEST_KEPT = 1 shl 21
    }
}
