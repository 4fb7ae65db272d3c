// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.max
import kotlin.math.sign

/**
 * Heatmaps with tags to people: associative embedding, as in HigherHRNet, LitePose, EfficientHRNet and MMPose.
 *
 * Peaks of the heatmaps become people by their tags; keypoints that a person lacks are looked for.
 * Sources: Newell et al. 2017, "Associative Embedding"; Cheng et al. 2020, "HigherHRNet".
 */
internal class TagsDecoder private constructor(
    private val heatmaps: TagChannels,
    private val tags: TagChannels,
    private val isShared: Boolean,
    private val upsampling: Upsampling,
    private val peaks: TagPeaks,
    private val groups: TagGroups,
    private val filling: TagFilling,
    private val adjustment: Adjustment,
    private val shift: Double,
    private val minConfidence: Double,
    private val inputWidth: Int,
    private val inputHeight: Int,
    private val keypointCount: Int,
) : Decoder {
    enum class Upsampling(val divisor: Int) { NONE(0), HALF(2), INPUT(1) }

    /** A quarter of a cell towards the higher neighbour; QUARTER none at the border or between equal ones. */
    enum class Adjustment { NONE, QUARTER, QUARTER_CLAMPED }

    private val about = DoubleArray(9)

    override val outputNames: List<String> = (heatmaps.outputs + tags.outputs).distinct()

    override fun decode(outputs: Map<String, Tensor>): List<Person> {
        val maps = maps(outputs)
        val found = peaks.find(maps)
        val people = groups.group(found)
        return people.map { it to it.confidence() }
            .filter { (_, confidence) -> confidence > minConfidence }
            .sortedByDescending { (_, confidence) -> confidence } // stable: of equal ones who was started first
            .map { (person, confidence) -> person(person, confidence, maps) }
    }

    private fun maps(outputs: Map<String, Tensor>): TagMaps {
        val tensors = outputNames.associateWith { outputs.finite(it) }
        for ((name, tensor) in tensors) {
            val channels = max(heatmaps.end(name, keypointCount), tags.end(name, if (isShared) 1 else keypointCount))
            tensor.requireAxis(rank = 4, axis = 3, count = channels)
        }
        val middleWidth = tensors.values.maxOf { it.shape[2] }
        val middleHeight = tensors.values.maxOf { it.shape[1] }
        val width = if (upsampling.divisor == 0) 0 else inputWidth / upsampling.divisor
        val height = if (upsampling.divisor == 0) 0 else inputHeight / upsampling.divisor
        val size = GridSize(middleWidth, middleHeight, max(middleWidth, width), max(middleHeight, height))
        val heat = UpsampledMaps(heatmaps.of(tensors), keypointCount, size)
        val depth = if (isShared) 1 else keypointCount
        return TagMaps(heat, tags.of(tensors).map { UpsampledMaps(listOf(it), depth, size) }, isShared)
    }

    private fun person(person: TagPerson, confidence: Double, maps: TagMaps): Person {
        val mean = person.meanTag()
        val heat = maps.heat
        val coordinates = DoubleArray(2 * keypointCount)
        val scores = DoubleArray(keypointCount)
        val found = BooleanArray(keypointCount)
        for (k in 0 until keypointCount) {
            val cell = person.peaks[k] ?: filling.find(maps, k, mean, peaks.reach) ?: continue
            found[k] = true
            scores[k] = cell.score
            adjust(heat, k, cell, coordinates)
            coordinates[2 * k] = (cell.x + shift + coordinates[2 * k]) * (inputWidth.toDouble() / heat.width)
            coordinates[2 * k + 1] = (cell.y + shift + coordinates[2 * k + 1]) * (inputHeight.toDouble() / heat.height)
        }
        return partialPerson(coordinates, found, scores, confidence)
    }

    /** Writes what is added to a cell for its neighbours' sake; at the border it is its own neighbour. */
    private fun adjust(heat: UpsampledMaps, k: Int, cell: TagPeak, into: DoubleArray) {
        if (adjustment == Adjustment.NONE) return
        heat.window(k, cell.y - 1, cell.x - 1, 3, about)
        val afterX = about[5] - about[3]
        val afterY = about[7] - about[1]
        if (adjustment == Adjustment.QUARTER_CLAMPED) {
            into[2 * k] = if (afterX > 0) 0.25 else -0.25
            into[2 * k + 1] = if (afterY > 0) 0.25 else -0.25
            return
        }
        if (cell.x > 1 && cell.x < heat.width - 1 && cell.y > 0) into[2 * k] = 0.25 * sign(afterX)
        if (cell.y > 1 && cell.y < heat.height - 1 && cell.x > 0) into[2 * k + 1] = 0.25 * sign(afterY)
    }

    companion object {
        fun of(settings: DecoderSettings): TagsDecoder {
            val count = settings.keypointCount
            val order = settings.integers("order").ifEmpty { List(count) { it } }.filter { it < count }
            if (order.sorted() != List(count) { it }) throw settings.wrong("order", "each of the $count keypoints once")
            return TagsDecoder(
                heatmaps = TagChannels.of(settings, "heatmaps"),
                tags = TagChannels.of(settings, "tags"),
                isShared = settings.flag("tags.shared"),
                upsampling = settings.choice("upsampling"),
                peaks = TagPeaks.of(settings),
                groups = TagGroups.of(settings, order),
                filling = TagFilling.of(settings),
                adjustment = settings.choice("adjustment"),
                shift = settings.number("shift"),
                minConfidence = settings.number("min_confidence"),
                inputWidth = settings.inputWidth,
                inputHeight = settings.inputHeight,
                keypointCount = count,
            )
        }
    }
}

/** Channels of maps: of each of [outputs] from [first] on. */
internal class TagChannels private constructor(val outputs: List<String>, private val first: List<Int>) {
    /** The channel after the last one of [output] where each has [count], 0 where it is another's. */
    fun end(output: String, count: Int): Int =
        outputs.indices.maxOf { if (outputs[it] == output) first[it] + count else 0 }

    fun of(tensors: Map<String, Tensor>): List<MapChannels> =
        outputs.indices.map { MapChannels(tensors.getValue(outputs[it]), first[it]) }

    companion object {
        fun of(settings: DecoderSettings, role: String): TagChannels {
            val outputs = settings.texts("$role.outputs")
            val first = settings.integers("$role.first")
            if (first.size != 1 && first.size != outputs.size || first.any { it < 0 }) {
                throw settings.wrong("$role.first", "one number or one an output")
            }
            return TagChannels(outputs, List(outputs.size) { if (first.size == 1) first[0] else first[it] })
        }
    }
}

/** Heatmaps of K keypoints; for each dimension their tags, one channel for all of them where they are [isShared]. */
internal class TagMaps(val heat: UpsampledMaps, val tags: List<UpsampledMaps>, private val isShared: Boolean) {
    /** The channel of a keypoint's tags. */
    fun own(keypoint: Int): Int = if (isShared) 0 else keypoint
}
