// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.min

/** The [count] channels from [first] on of maps (1, h, w, C), all times [scale]; [bind] comes before any is read. */
internal class MapRole(val output: String, val first: Int, val count: Int, private val scale: Double = 1.0) {
    var width: Int = 0
        private set
    var height: Int = 0
        private set
    private var channels = 0
    private var values = FloatArray(0)

    fun bind(tensor: Tensor) {
        height = tensor.shape[1]
        width = tensor.shape[2]
        channels = tensor.shape[3]
        values = tensor.values
    }

    /** The value of [channel], counted from the role's first one, at a cell. */
    fun at(x: Int, y: Int, channel: Int): Double = values[(y * width + x) * channels + first + channel] * scale

    /** The same at a place between four cells, none of them beyond the outermost. */
    fun between(x: Double, y: Double, channel: Int): Double {
        val column = x.toInt()
        val row = y.toInt()
        val right = min(column + 1, width - 1)
        val below = min(row + 1, height - 1)
        val across = x - column
        val down = y - row
        val above = at(column, row, channel) * (1 - across) + at(right, row, channel) * across
        val under = at(column, below, channel) * (1 - across) + at(right, below, channel) * across
        return above * (1 - down) + under * down
    }

    companion object {
        /** The role that the settings `[name].output` and `[name].first` tell of. */
        fun of(settings: DecoderSettings, name: String, count: Int, scale: Double = 1.0): MapRole =
            MapRole(settings.text("$name.output"), settings.channel("$name.first"), count, scale)

        /** Names of the outputs that [roles] read, each once. */
        fun outputsOf(roles: List<MapRole>): List<String> = roles.map { it.output }.distinct()

        /** Makes [roles] read [outputs], all of them of one size, each with as many channels as its last role needs. */
        fun bind(roles: List<MapRole>, outputs: Map<String, Tensor>) {
            for (name in outputsOf(roles)) {
                val readers = roles.filter { it.output == name }
                val tensor = outputs.finite(name)
                tensor.requireShape(intArrayOf(1, roles[0].height, roles[0].width, readers.maxOf { it.first + it.count }))
                for (role in readers) role.bind(tensor)
            }
        }
    }
}
