// SPDX-License-Identifier: Apache-2.0

package posekit.template

/** The cells of all levels, level after level, row by row; what does not fill a cell has one all the same. */
internal class Grid private constructor(
    strides: List<Int>,
    width: Int,
    height: Int,
    shrink: Int,
    private val counts: List<Int>,
    isEven: Boolean,
    widths: List<Double>,
    heights: List<Double>,
) {
    /** How cells lie: as far apart as their stride, or dividing the input evenly. */
    enum class Spacing { STRIDE, EVEN }

    private val columns = IntArray(strides.size) { (width + strides[it] - 1) / strides[it] }
    private val rows = IntArray(strides.size) { (height + strides[it] - 1) / strides[it] }
    private val acrossPitch = DoubleArray(strides.size) {
        if (isEven) (width - shrink).toDouble() / columns[it] else strides[it].toDouble()
    }
    private val downPitch = DoubleArray(strides.size) {
        if (isEven) (height - shrink).toDouble() / rows[it] else strides[it].toDouble()
    }
    private val anchorWidths = DoubleArray(widths.size) { widths[it] * (width - shrink) }
    private val anchorHeights = DoubleArray(heights.size) { heights[it] * (height - shrink) }
    private val sizes = IntArray(strides.size) { columns[it] * rows[it] * counts[it] }

    /** Where the cell of [find] lies. */
    var column: Int = 0
        private set
    var row: Int = 0
        private set

    /** How far apart the cells of its level are, input px. */
    var pitchX: Double = 1.0
        private set
    var pitchY: Double = 1.0
        private set

    /** How large its anchor is, input px; 0 where anchors have no size. */
    var anchorWidth: Double = 0.0
        private set
    var anchorHeight: Double = 0.0
        private set

    val hasSizes: Boolean = widths.isNotEmpty()

    /** Makes the properties those of the candidate at [place]. */
    fun find(place: Int) {
        var level = 0
        var within = place
        var kind = 0
        while (within >= sizes[level]) {
            within -= sizes[level]
            kind += counts[level++]
        }
        val cell = within / counts[level]
        column = cell % columns[level]
        row = cell / columns[level]
        pitchX = acrossPitch[level]
        pitchY = downPitch[level]
        if (!hasSizes) return
        kind += within % counts[level]
        anchorWidth = anchorWidths[kind]
        anchorHeight = anchorHeights[kind]
    }

    /** Whether candidates have no cells: any number of them will do. */
    val isEmpty: Boolean get() = sizes.isEmpty()

    /** The shape that [role]'s output number [part] must have with [channels] channels; 0 is any number. */
    fun shape(role: Role, part: Int, channels: Int, axes: Axes): IntArray {
        if (axes == Axes.MAPS) return intArrayOf(1, rows[part], columns[part], channels)
        val levels = if (role.outputs.size == 1) sizes.indices else part..part
        val count = if (isEmpty) 0 else levels.sumOf { sizes[it] }
        return if (axes == Axes.ROWS) intArrayOf(1, count, channels) else intArrayOf(1, channels, count)
    }

    companion object {
        fun of(settings: DecoderSettings, axes: Axes): Grid {
            val strides = settings.integers("strides")
            if (!strides.all { it > 0 } || (axes == Axes.MAPS && strides.isEmpty())) {
                throw settings.wrong("strides", "those of the levels, each above 0")
            }
            val has = settings.has("anchors.counts")
            val counts = if (has) settings.integers("anchors.counts") else List(strides.size) { 1 }
            if (counts.size != strides.size || !counts.all { if (axes == Axes.MAPS) it == 1 else it > 0 }) {
                throw settings.wrong("anchors.counts", "one number above 0 a level, 1 of maps")
            }
            val widths = if (has) settings.numbers("anchors.widths") else emptyList()
            val heights = if (has) settings.numbers("anchors.heights") else emptyList()
            if (widths.size != heights.size || (widths.isNotEmpty() && widths.size != counts.sum())) {
                throw settings.wrong("anchors.heights", "as many as anchors.widths, one an anchor of a cell")
            }
            val isEven = has && settings.choice<Spacing>("anchors.spacing") == Spacing.EVEN
            return Grid(
                strides, settings.inputWidth, settings.inputHeight, settings.inputAlignment.shrink, counts, isEven,
                widths, heights,
            )
        }
    }
}
