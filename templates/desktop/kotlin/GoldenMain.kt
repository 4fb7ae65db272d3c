// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.max
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.jsonObject

/** Of two stages the one whose vectors these are. */
private val stage: PoseContract =
    requireNotNull(TemplatePoseContract.stage(System.getProperty("posekit.stage") ?: "pose")) { "there is no such stage" }

/** Largest errors over the golden vectors, and what the generated constants are, as one line of JSON. */
public fun main() {
    println(
        json(
            "warp" to warpSuite(),
            "yuv" to yuvSuite(),
            "decoder" to decoderSuite(stage.decoder.kind, ::contractDecoder),
            "dense" to denseSuite(),
            "tracking" to trackingSuite(),
            "people" to peopleSuite(),
            "following" to followingSuite(),
            "contract" to contractFacts(),
        ),
    )
}

/** A decoder with the generated settings, not the case's own, which would say nothing of them. */
private fun contractDecoder(case: DecoderSettings): Decoder {
    val own = stage.decoder.settings
    val sigmas = case.values.filterKeys { it == "oks_sigmas" } // one a keypoint of the case
    return stage.decoder.new(
        own.copy(
            values = own.values + sigmas,
            inputWidth = case.inputWidth,
            inputHeight = case.inputHeight,
            keypointCount = case.keypointCount,
        ),
    )
}

internal fun json(vararg fields: Pair<String, Any>): String = fields.joinToString(", ", "{", "}") { (key, value) ->
    val text = if (value is Double && !value.isFinite()) "null" else value.toString() // null: NaN, which fails
    "\"$key\": $text"
}

/** A maximum that NaN sticks to. */
internal class Worst {
    var value = 0.0
        private set

    fun add(error: Double) {
        value = if (value.isNaN() || error.isNaN()) Double.NaN else max(value, error)
    }
}

internal fun warpSuite(): String {
    val cases = goldenCases("warp")
    val tensor = Worst()
    val geometry = Worst()
    for (case in cases) {
        val errors = warpErrors(case)
        tensor.add(errors.tensor)
        geometry.add(errors.region)
        geometry.add(errors.matrix)
        geometry.add(errors.points)
    }
    return json("cases" to cases.size, "grey" to tensor.value, "geometry" to geometry.value)
}

internal fun yuvSuite(): String {
    val cases = goldenCases("yuv")
    return json("cases" to cases.size, "grey" to cases.maxOf(::yuvError))
}

internal fun decoderSuite(kind: String, newDecoder: (DecoderSettings) -> Decoder): String {
    val cases = goldenCases(kind)
    val keypoints = Worst()
    val scores = Worst()
    val boxes = Worst()
    var others = 0
    var decoded = 0
    for (case in cases) {
        val decoder = newDecoder(decoderSettings(case))
        val errors = decoderErrors(case, decoder)
        others += errors.count
        keypoints.add(errors.keypoints)
        scores.add(errors.scores)
        boxes.add(errors.box)
        decoded += decodedThoughNotFinite(case, decoder)
    }
    return json(
        "cases" to cases.size, "count" to others, "px" to keypoints.value, "score" to scores.value,
        "box" to boxes.value, "unrefused_nan" to decoded,
    )
}

internal fun denseSuite(): String {
    val cases = goldenCases("dense")
    val errors = denseErrors(cases)
    return json(
        "cases" to cases.size, "count" to errors.count, "numbers" to errors.numbers, "values" to errors.values,
        "uv" to errors.uv, "matrix" to errors.matrix, "at_points" to errors.atPoints,
    )
}

internal fun peopleSuite(): String {
    val cases = goldenCases("people")
    val errors = peopleErrors(cases)
    return json("cases" to cases.size, "ids" to errors.ids, "smoothed" to errors.smoothed)
}

internal fun followingSuite(): String {
    val cases = goldenCases("following")
    val errors = followingErrors(cases)
    return json("cases" to cases.size, "others" to errors.others, "region" to errors.region)
}

internal fun trackingSuite(): String {
    val input = InputSpec(96, 128, Resize.AFFINE_CROP, Alignment.HALF_PIXEL, padValue = 0.0, boxPadding = 1.25)
    val tracker = RegionTracker(input, minScore = 0.3, margin = 1.2)
    val filter = OneEuroFilter(minCutoff = 0.8, beta = 2.0)
    val cases = goldenCases("tracking")
    val regions = Worst()
    val smoothed = Worst()
    var lost = 0
    for (case in cases) {
        val pose = Pose(case.numbers("keypoints"), case.numbers("scores"), 2)
        val expected = case.getValue("region")
        val actual = tracker.update(pose)
        if (expected is JsonNull) {
            lost++
            regions.add(if (actual == null) 0.0 else Double.NaN)
        } else {
            regions.add(actual?.let { maxError(numbers(region(expected.jsonObject)), numbers(it)) } ?: Double.NaN)
        }
        regions.add(torsoError(case.getValue("torso").jsonObject))
        regions.add(pointsError(case.getValue("points").jsonObject))
        regions.add(viewError(case.getValue("view").jsonObject))
        smoothed.add(maxError(case.numbers("smoothed"), filter.smooth(pose, case.number("time_seconds")).coordinates))
    }
    return json("cases" to cases.size, "lost" to lost, "region" to regions.value, "smoothed" to smoothed.value)
}

private fun torsoError(case: JsonObject): Double {
    val (width, height) = case.numbers("source_size_wh").map { it.toInt() }
    val tracker = TorsoTracker(leftShoulder = 0, rightShoulder = 1, leftHip = 2, rightHip = 3)
    val actual = tracker.update(Pose(case.numbers("keypoints"), case.numbers("scores"), 2), width, height)
    return maxError(numbers(region(case.getValue("region").jsonObject)), numbers(actual))
}

private fun pointsError(case: JsonObject): Double {
    val rule = PointsRule(
        case.integer("first"), case.integer("second"), case.number("scale"), case.number("shift"),
        case.number("target_degrees"),
    )
    val box = case["box_xyxy"].takeUnless { it is JsonNull }?.let {
        val (left, top, right, bottom) = case.numbers("box_xyxy")
        Box(left, top, right, bottom)
    }
    val actual = rule.region(case.numbers("points"), box = box)
    val expected = case.getValue("region").takeUnless { it is JsonNull } ?: return if (actual == null) 0.0 else Double.NaN
    return actual?.let { maxError(numbers(region(expected.jsonObject)), numbers(it)) } ?: Double.NaN
}

/** Of the way of a point to a view, and of that back. */
private fun viewError(case: JsonObject): Double {
    val (width, height) = case.numbers("picture_wh").map { it.toInt() }
    val (viewWidth, viewHeight) = case.numbers("view_wh")
    val fit = ViewFit.valueOf(case.text("fit").uppercase())
    val mapping =
        ViewMapping(width, height, viewWidth, viewHeight, fit, case.flag("mirrored"), case.number("pixel_center"))
    val (x, y) = case.numbers("point")
    val there = doubleArrayOf(mapping.viewX(x), mapping.viewY(y))
    val (viewX, viewY) = case.numbers("in_view")
    val back = doubleArrayOf(mapping.pictureX(viewX), mapping.pictureY(viewY))
    return max(maxError(case.numbers("in_view"), there), maxError(case.numbers("point"), back))
}

private fun contractFacts(): String {
    val contract = stage
    val input = contract.input
    val keypoints = TemplatePose.Keypoint.entries
    return json(
        "hash" to quoted(contract.hash),
        "size_wh" to listOf(input.width, input.height),
        "resize" to quoted(input.resize.name.lowercase()),
        "alignment" to quoted(input.alignment.name.lowercase()),
        "sampling" to quoted(input.sampling.name.lowercase()),
        "anchor" to quoted(input.anchor.name.lowercase()),
        "rounding" to quoted(input.rounding.name.lowercase()),
        "odd_pixel" to quoted(input.oddPixel.name.lowercase()),
        "enlarge" to input.enlarge,
        "pad_value" to input.padValue,
        "outside" to quoted(input.outside.name.lowercase()),
        "box_padding" to input.boxPadding,
        "names" to keypoints.map { quoted(it.name.lowercase()) },
        "oks_sigmas" to keypoints.map { it.oksSigma },
        "flip_partners" to keypoints.map { it.flipPartner.index },
        "edges" to TemplatePose.Keypoint.edges.map { listOf(it.first.index, it.second.index) },
        "following" to listOfNotNull(contract.following).flatMap(::told),
        "dense" to contract.dense.map { quoted(told(it)) },
        "box_region" to numbers(regionFromBox(10.0, 20.0, 110.0, 220.0, input, input.boxPadding)).toList(),
    )
}

private fun told(rule: FollowingRule): List<Double> = rule.run {
    val counts = listOf(minScore, margin, maxPeople.toDouble(), detectEvery.toDouble(), minOverlap, maxAlike)
    counts + told(points, pointsAboutBox) + told(nextPoints, nextPointsAboutBox)
}

private fun told(points: PointsRule?, aboutBox: Boolean): List<Double> = listOfNotNull(points).flatMap {
    val about = if (aboutBox) 1.0 else 0.0
    val places = (it.withSecond + it.among).map(Int::toDouble)
    listOf(it.first.toDouble(), it.second.toDouble(), it.scale, it.shift, it.targetDegrees, about) + places
}

private fun told(dense: DenseSpec): String = dense.run {
    val kind = kind.name.lowercase()
    val activation = activation.name.lowercase()
    "$name $kind $output $first ${plain(stride)} ${plain(shift)} $upsampling $activation ${plain(threshold)} " +
        "$within ${labels.joinToString(",")} $coarseCount" +
        listOfNotNull(coarse, u, v).joinToString("") { " ${it.output} ${it.first}" }
}

/** As C's `%g` writes what has few digits. */
private fun plain(number: Double): String = "%s".format(number).removeSuffix(".0")

private fun quoted(text: String): String = "\"$text\""

private fun numbers(region: Region): DoubleArray =
    doubleArrayOf(region.centerX, region.centerY, region.width, region.height, region.rotationDegrees)
