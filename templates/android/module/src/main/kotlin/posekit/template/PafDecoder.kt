// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.max

/**
 * Part affinity fields: maps of keypoints, and fields of limbs by which keypoints are grouped to people.
 *
 * A peak of a larger map is a keypoint of somebody, two are joined where the field between them runs from one to the
 * other, and people grow limb by limb.
 * Sources: Cao et al. 2017, "Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields"; Osokin 2018,
 * "Real-time 2D Multi-Person Pose Estimation on CPU: Lightweight OpenPose".
 */
internal class PafDecoder private constructor(
    private val maps: PafChannels,
    private val fields: PafChannels,
    private val alignment: Alignment,
    private val upsampling: PafUpsampling,
    private val peakFinder: PafPeakFinder,
    private val limbFinder: PafLimbFinder,
    private val grouping: PafGrouping,
    private val inputWidth: Int,
    private val inputHeight: Int,
    private val keypointCount: Int,
) : Decoder {
    /** Index i of a larger map of n lies at i * W / n, at (i + 0.5) * W / n, or where its cell's stride puts it. */
    enum class Alignment { STRIDE, HALF_PIXEL, CELLS }

    override val outputNames: List<String> = listOf(maps.output, fields.output).distinct()

    override fun decode(outputs: Map<String, Tensor>): List<Person> {
        for (name in outputNames) {
            val channels = max(
                if (name == maps.output) maps.end else 0,
                if (name == fields.output) fields.end else 0,
            )
            outputs.finite(name).requireShape(intArrayOf(1, 0, 0, channels))
        }
        val heatmaps = outputs.getValue(maps.output)
        val limbFields = outputs.getValue(fields.output)
        val height = heatmaps.shape[1]
        val width = heatmaps.shape[2]
        limbFields.requireShape(intArrayOf(1, height, width, 0))
        upsampling.fit(width, height)
        val peaks = peakFinder.find(heatmaps, maps.first)
        val limbs = limbFinder.find(limbFields, fields.first, peaks)
        val people = grouping.people(limbs, peaks).sortedByDescending { grouping.confidence(it) }
        val offset = when (alignment) {
            Alignment.STRIDE -> 0.0
            Alignment.HALF_PIXEL -> 0.5
            Alignment.CELLS -> 0.5 - upsampling.factor / 2.0
        }
        val scaleX = inputWidth.toDouble() / (width * upsampling.factor)
        val scaleY = inputHeight.toDouble() / (height * upsampling.factor)
        return people.map { person(it, peaks, offset, scaleX, scaleY) }
    }

    private fun person(row: PafPerson, peaks: PafPeaks, offset: Double, scaleX: Double, scaleY: Double): Person {
        val coordinates = DoubleArray(2 * keypointCount)
        val scores = DoubleArray(keypointCount)
        val found = BooleanArray(keypointCount)
        for (keypoint in 0 until keypointCount) {
            val peak = row.peaks[keypoint]
            if (peak == PafPerson.ABSENT) continue
            found[keypoint] = true
            coordinates[2 * keypoint] = (peaks.x[peak] + offset) * scaleX
            coordinates[2 * keypoint + 1] = (peaks.y[peak] + offset) * scaleY
            scores[keypoint] = peaks.scores[peak]
        }
        return partialPerson(coordinates, found, scores, grouping.confidence(row))
    }

    companion object {
        fun of(settings: DecoderSettings): PafDecoder {
            val count = settings.keypointCount
            val background = settings.choice<PafChannels.Background>("heatmaps.background")
            val firstMap = settings.atLeast("heatmaps.first", 0)
            val firstField = settings.atLeast("fields.first", 0)
            val pairs = settings.integers("fields.pairs").toIntArray()
            if (pairs.size % 2 != 0 || pairs.any { it !in 0 until count }) {
                throw settings.wrong("fields.pairs", "two keypoints a pair, from 0 to ${count - 1}")
            }
            val given = settings.integers("fields.channels").toIntArray()
            if (given.any { it < 0 } || (given.isNotEmpty() && given.size != pairs.size)) {
                throw settings.wrong("fields.channels", "x and y of each pair")
            }
            val channels = if (given.isEmpty()) pairs.indices.toList().toIntArray() else given
            val upsampling = PafUpsampling.of(settings)
            val isFirst = background == PafChannels.Background.FIRST
            val mapCount = count + if (background == PafChannels.Background.NONE) 0 else 1
            return PafDecoder(
                maps = PafChannels(
                    settings.text("heatmaps.output"), firstMap + if (isFirst) 1 else 0, firstMap + mapCount,
                ),
                fields = PafChannels(
                    settings.text("fields.output"), firstField, firstField + (channels.maxOrNull() ?: -1) + 1,
                ),
                alignment = settings.choice("alignment"),
                upsampling = upsampling,
                peakFinder = PafPeakFinder.of(settings, upsampling),
                limbFinder = PafLimbFinder.of(settings, upsampling, pairs, channels),
                grouping = PafGrouping.of(settings, pairs),
                inputWidth = settings.inputWidth,
                inputHeight = settings.inputHeight,
                keypointCount = count,
            )
        }
    }
}

/** Channels of an output that are read, from [first] to before [end]. */
internal class PafChannels(val output: String, val first: Int, val end: Int) {
    /** Where a map of no keypoint lies, beside those of keypoints. */
    enum class Background { NONE, FIRST, LAST }
}

internal fun DecoderSettings.atLeast(name: String, least: Int): Int =
    integer(name).also { if (it < least) throw wrong(name, "an integer from $least on") }
