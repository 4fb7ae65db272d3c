// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.max
import kotlin.math.sqrt

/**
 * Centres of people, and displacements from each to the keypoints: CenterNet's pose, DEKR, and MMPose's codec of these.
 *
 * Sources: Zhou et al. 2019, "Objects as Points"; Geng et al. 2021, "Disentangled Keypoint Regression".
 */
internal class CentersDecoder private constructor(
    private val stride: Int,
    private val centers: CenterPeaks,
    private val displacements: CenterChannels,
    private val sign: Double,
    private val boxes: CenterBoxes?,
    private val snapping: CenterSnapping?,
    private val scoring: CenterScoring?,
    private val suppression: CenterSuppression?,
    private val shift: Double,
    private val minConfidence: Double,
    private val inputWidth: Int,
    private val inputHeight: Int,
    private val keypointCount: Int,
) : Decoder {
    private val roles = listOfNotNull(
        centers.channels, displacements, boxes?.sizes, boxes?.offsets, snapping?.peaks?.channels, snapping?.offsets,
        scoring?.channels,
    )

    override val outputNames: List<String> = roles.map { it.output }.distinct()

    /** A person in cells; [heat] is 1 where keypoints are not scored. */
    internal class Found(
        val points: DoubleArray,
        val box: Box,
        center: Double,
        heat: DoubleArray,
        isScored: Boolean,
    ) {
        val scores = DoubleArray(heat.size) { center * heat[it] }
        val confidence = if (isScored) scores.inTurn() else center
        val meanHeat = heat.inTurn()

        private fun DoubleArray.inTurn(): Double {
            var sum = 0.0
            for (value in this) sum += value
            return sum / size
        }
    }

    override fun decode(outputs: Map<String, Tensor>): List<Person> {
        for (name in outputNames) {
            val channels = roles.filter { it.output == name }.maxOf { it.first + it.count }
            val shape = intArrayOf(1, (inputHeight + stride - 1) / stride, (inputWidth + stride - 1) / stride, channels)
            outputs.finite(name).requireShape(shape)
        }
        val peaks = snapping?.let { rule -> List(keypointCount) { rule.peaks.find(outputs, it) } }
        val found = centers.find(outputs, 0).map { found(outputs, it, peaks) }
        val kept = suppression?.keep(found) ?: found.indices.toList()
        return kept.filter { found[it].confidence > minConfidence }
            .sortedWith(compareByDescending<Int> { found[it].confidence }.thenBy { it })
            .map { person(found[it]) }
    }

    private fun found(outputs: Map<String, Tensor>, center: CenterPeak, peaks: List<List<CenterPeak>>?): Found {
        val values = displacements.tensor(outputs)
        val points = DoubleArray(2 * keypointCount) { at ->
            val cell = if (at % 2 == 0) center.x else center.y
            cell + shift + sign * displacements.at(values, center, at)
        }
        val box = boxes?.box(outputs, center)
        if (peaks != null && box != null) snapping?.snap(outputs, points, box, peaks)
        val heat = DoubleArray(keypointCount) { k ->
            scoring?.heat(outputs, k, points[2 * k], points[2 * k + 1], stride) ?: 1.0
        }
        return Found(points, box ?: extent(points), center.score, heat, scoring != null)
    }

    private fun extent(points: DoubleArray): Box {
        val x = points.filterIndexed { at, _ -> at % 2 == 0 }
        val y = points.filterIndexed { at, _ -> at % 2 == 1 }
        return Box(x.min(), y.min(), x.max(), y.max())
    }

    private fun person(one: Found): Person {
        val box = one.box
        val own = Box(box.left * stride, box.top * stride, box.right * stride, box.bottom * stride)
        return Person(DoubleArray(one.points.size) { one.points[it] * stride }, one.scores, one.confidence, own)
    }

    companion object {
        fun of(settings: DecoderSettings): CentersDecoder {
            val stride = settings.integer("stride")
            if (stride < 1) throw settings.wrong("stride", "a number above 0")
            val count = settings.keypointCount
            val boxes = CenterBoxes.of(settings)
            val isSnapping = settings.has("snapping.output")
            if (isSnapping && boxes == null) throw settings.wrong("boxes.sizes.output", "an output, for snapping")
            return CentersDecoder(
                stride = stride,
                centers = CenterPeaks.of(settings, "centers", 1),
                displacements = CenterChannels.of(settings, "displacements", 2 * count),
                sign = settings.choice<Sign>("displacements.sign").factor,
                boxes = boxes,
                snapping = if (isSnapping) CenterSnapping.of(settings) else null,
                scoring = if (settings.has("scoring.output")) CenterScoring.of(settings) else null,
                suppression = if (settings.has("suppression.by")) CenterSuppression.of(settings) else null,
                shift = settings.number("shift"),
                minConfidence = settings.number("min_confidence"),
                inputWidth = settings.inputWidth,
                inputHeight = settings.inputHeight,
                keypointCount = count,
            )
        }
    }

    private enum class Sign(val factor: Double) { ADDED(1.0), SUBTRACTED(-1.0) }
}

/**
 * Two people are one if more than [keypoints] keypoints are nearer than [distance] times the diagonal of one.
 *
 * HEAT: in the order of their centres, and who has the highest mean heat stays. SCORE: the most confident first, and
 * who is the most confident stays.
 */
internal class CenterSuppression private constructor(
    private val distance: Double,
    private val keypoints: Int,
    private val by: By,
    private val most: Int,
) {
    enum class By { HEAT, SCORE }

    /** Places of the people who stay. */
    fun keep(found: List<CentersDecoder.Found>): List<Int> {
        val rank = found.map { if (by == By.HEAT) it.meanHeat else it.confidence }
        val order = if (by == By.HEAT) found.indices.toList() else found.indices.sortedByDescending { rank[it] }
        val gone = BooleanArray(found.size)
        val kept = ArrayList<Int>()
        for (one in order) {
            if (gone[one]) continue
            val same = found.indices.filter { it == one || areAlike(found[one], found[it]) }
            val best = same.maxBy { rank[it] } // the first of equal ones
            if (gone[best]) continue
            kept.add(best)
            for (other in same) gone[other] = true
        }
        return kept.sortedWith(compareByDescending<Int> { rank[it] }.thenBy { it }).take(most)
    }

    private fun areAlike(one: CentersDecoder.Found, other: CentersDecoder.Found): Boolean {
        val reach = distance * diagonal(one.points)
        var near = 0
        for (k in 0 until one.points.size / 2) {
            val x = one.points[2 * k] - other.points[2 * k]
            val y = one.points[2 * k + 1] - other.points[2 * k + 1]
            if (sqrt(x * x + y * y) < reach) near++
        }
        return near > keypoints
    }

    private fun diagonal(points: DoubleArray): Double {
        val sides = DoubleArray(2) { axis ->
            var low = Double.POSITIVE_INFINITY
            var high = Double.NEGATIVE_INFINITY
            for (at in axis until points.size step 2) {
                low = minOf(low, points[at])
                high = max(high, points[at])
            }
            high - low
        }
        return sqrt(sides[0] * sides[0] + sides[1] * sides[1])
    }

    companion object {
        fun of(settings: DecoderSettings): CenterSuppression = CenterSuppression(
            distance = settings.number("suppression.distance"),
            keypoints = settings.integer("suppression.keypoints"),
            by = settings.choice("suppression.by"),
            most = settings.integer("suppression.most"),
        )
    }
}
