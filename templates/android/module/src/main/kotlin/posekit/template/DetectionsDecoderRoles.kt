// SPDX-License-Identifier: Apache-2.0

package posekit.template

/** Axes of the outputs: (1, C, A), (1, A, C), or maps (1, h, w, C), one a level. */
internal enum class Axes { CHANNELS_FIRST, ROWS, MAPS }

/** What coordinates count: px, 0 to 1 over the input, cells of the candidate's level, px or sizes of its anchor. */
internal enum class LengthUnit {
    INPUT_PX,
    UNIT,
    CELLS,
    ANCHOR_PX,
    ANCHORS,
    ;

    /** Whether numbers count from the candidate's cell. */
    val isOnLevels: Boolean get() = this != INPUT_PX && this != UNIT

    /** Input px of one, of [extent] px that the input is long, where that is the same for all candidates. */
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
