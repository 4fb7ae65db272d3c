// SPDX-License-Identifier: Apache-2.0

package posekit.template

/** Axes of the outputs: (1, C, A), (1, A, C), or maps (1, h, w, C), one a level. */
internal enum class Axes { CHANNELS_FIRST, ROWS, MAPS }

/** What coordinates count: px, 0 to 1 over the input, or cells of the candidate's level. */
internal enum class LengthUnit {
    INPUT_PX,
    UNIT,
    CELLS,
    ;

    /** Input px of one, of [extent] px that the input is long; cells have the strides of their levels. */
    fun scale(extent: Int): Double = if (this == UNIT) extent.toDouble() else 1.0
}

/**
 * The channels of a role, [count] of them from [first] on, of one output that holds all levels or of one a level.
 *
 * Candidates go level after level; [bind] comes before any is read.
 */
internal class Role(val outputs: List<String>, val first: Int, val count: Int, private val axes: Axes) {
    // of each output: its values, how many candidates it holds, and how far apart they and the channels of one lie
    val values: Array<FloatArray> = Array(outputs.size) { FloatArray(0) }
    val sizes: IntArray = IntArray(outputs.size)
    val placeSteps: IntArray = IntArray(outputs.size)
    val channelSteps: IntArray = IntArray(outputs.size)

    /** How many candidates there are. */
    var places: Int = 0
        private set

    fun bind(tensors: Map<String, Tensor>) {
        places = 0
        for (part in outputs.indices) {
            val tensor = tensors.getValue(outputs[part])
            val channelsLast = axes != Axes.CHANNELS_FIRST
            val channels = if (channelsLast) tensor.shape.last() else tensor.shape[1]
            values[part] = tensor.values
            sizes[part] = tensor.size / channels
            placeSteps[part] = if (channelsLast) channels else 1
            channelSteps[part] = if (channelsLast) 1 else sizes[part]
            places += sizes[part]
        }
    }

    /** Channel [channel] of the role, counted from its first one, of the candidate at [place]. */
    fun at(place: Int, channel: Int): Float {
        var part = 0
        var within = place
        while (within >= sizes[part]) within -= sizes[part++]
        return values[part][within * placeSteps[part] + (first + channel) * channelSteps[part]]
    }

    /** Calls [found] with the place and the value of every candidate whose [channel] holds at least [least]. */
    inline fun forEachFrom(least: Double, channel: Int, found: (Int, Float) -> Unit) {
        var place = 0
        for (part in outputs.indices) {
            val numbers = values[part]
            val step = placeSteps[part]
            var at = (first + channel) * channelSteps[part]
            repeat(sizes[part]) {
                val value = numbers[at]
                if (value >= least) found(place, value)
                at += step
                place++
            }
        }
    }

    companion object {
        /** The role that the settings `[name].outputs` and `[name].first` tell of. */
        fun of(settings: DecoderSettings, name: String, count: Int, axes: Axes, first: String = "first"): Role {
            val outputs = settings.texts("$name.outputs")
            val levels = settings.integers("strides").size
            if (outputs.size != levels && (outputs.size != 1 || axes == Axes.MAPS)) {
                throw settings.wrong("$name.outputs", if (axes == Axes.MAPS) "$levels names" else "1 or $levels names")
            }
            return Role(outputs, settings.channel("$name.$first"), count, axes)
        }
    }
}

/** The cells of all levels, level after level, row by row; what does not fill a cell has one all the same. */
internal class Grid(private val strides: List<Int>, width: Int, height: Int) {
    private val columns = IntArray(strides.size) { (width + strides[it] - 1) / strides[it] }
    private val rows = IntArray(strides.size) { (height + strides[it] - 1) / strides[it] }

    /** Where the cell of [find] lies. */
    var column: Int = 0
        private set
    var row: Int = 0
        private set
    var stride: Int = 1
        private set

    /** Makes [column], [row] and [stride] those of the candidate at [place]. */
    fun find(place: Int) {
        var level = 0
        var within = place
        while (within >= columns[level] * rows[level]) within -= columns[level] * rows[level++]
        column = within % columns[level]
        row = within / columns[level]
        stride = strides[level]
    }

    /** Whether candidates have no cells: any number of them will do. */
    val isEmpty: Boolean get() = strides.isEmpty()

    /** The shape that [role]'s output number [part] must have with [channels] channels; 0 is any number. */
    fun shape(role: Role, part: Int, channels: Int, axes: Axes): IntArray {
        if (axes == Axes.MAPS) return intArrayOf(1, rows[part], columns[part], channels)
        val levels = if (role.outputs.size == 1) strides.indices else part..part
        val count = if (isEmpty) 0 else levels.sumOf { columns[it] * rows[it] }
        return if (axes == Axes.ROWS) intArrayOf(1, count, channels) else intArrayOf(1, channels, count)
    }
}
