// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.max
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.boolean
import kotlinx.serialization.json.double
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive

/** What the frames of clips are off by: how many detect otherwise or show other people, and px of a region. */
internal class FollowingErrors(val others: Int, val region: Double)

internal fun followingErrors(cases: List<JsonObject>): FollowingErrors {
    var rule = followingRule(cases[0].getValue("rule").jsonObject)
    var follower = PeopleFollower(rule)
    var others = 0
    var worst = 0.0
    fun compare(expected: JsonElement, actual: List<Region?>) {
        val wanted = expected.jsonArray
        if (wanted.size != actual.size) others++
        for ((one, region) in wanted.zip(actual)) worst = worse(worst, regionError(one, region))
    }
    for (case in cases) {
        case.getValue("rule").takeUnless { it is JsonNull }?.let {
            rule = followingRule(it.jsonObject)
            follower = PeopleFollower(rule)
        }
        if (follower.wantsDetection != case.getValue("wants_detection").jsonPrimitive.boolean) others++
        val detected = case.getValue("candidates").takeUnless { it is JsonNull }?.let {
            detectedRegions(poses(it.jsonObject), rule).also { found -> compare(case.getValue("detected"), found) }
        }
        val regions = follower.regions(detected)
        compare(case.getValue("regions"), regions)
        for ((wanted, region) in case.getValue("boxes_xyxy").jsonArray.zip(regions)) {
            val box = numbers(personBox(region, rule.input.boxPadding))
            worst = worse(worst, maxError(wanted.jsonArray.map { it.jsonPrimitive.double }.toDoubleArray(), box))
        }
        val seen = case.getValue("poses").jsonArray.map { poses(it.jsonObject).firstOrNull() }
        compare(case.getValue("next"), seen.map { pose -> pose?.let { followedRegion(it, rule) } })
        if (follower.follow(seen) != case.getValue("people").jsonArray.map { it.jsonPrimitive.int }) others++
    }
    return FollowingErrors(others, worst)
}

private fun regionError(expected: JsonElement, actual: Region?): Double {
    if (expected is JsonNull || actual == null) return if (expected is JsonNull && actual == null) 0.0 else Double.NaN
    return maxError(numbers(region(expected.jsonObject)), numbers(actual))
}

private fun worse(one: Double, other: Double): Double = if (one.isNaN() || other.isNaN()) Double.NaN else max(one, other)

private fun followingRule(data: JsonObject): FollowingRule {
    val (width, height) = data.numbers("size_wh").map { it.toInt() }
    val padding = data.number("padding")
    val points = points(data.getValue("points"))
    val nextPoints = points(data.getValue("next_points"))
    return FollowingRule(
        InputSpec(width, height, Resize.AFFINE_CROP, Alignment.HALF_PIXEL, padValue = 0.0, boxPadding = padding),
        data.numbers("sigmas"), data.number("min_score"), points?.first, points?.second == true, nextPoints?.first,
        nextPoints?.second == true, data.number("margin"), data.integer("max_people"), data.integer("detect_every"),
        data.number("min_overlap"), data.number("max_alike"),
    )
}

/** A rule of points, and whether its region is about a box. */
private fun points(element: JsonElement): Pair<PointsRule, Boolean>? {
    if (element is JsonNull) return null
    val data = element.jsonObject
    val rule = PointsRule(
        data.integer("first"), data.integer("second"), data.number("scale"), data.number("shift"),
        data.number("target_degrees"), data.numbers("with_second").map { it.toInt() },
        data.numbers("among").map { it.toInt() },
    )
    return rule to data.flag("about_box")
}

private fun poses(data: JsonObject): List<Pose> {
    val count = data.integer("people")
    if (count == 0) return emptyList()
    val keypoints = data.numbers("keypoints")
    val scores = data.numbers("scores")
    val boxes = data.getValue("boxes_xyxy").takeUnless { it is JsonNull }?.let { data.numbers("boxes_xyxy") }
    val each = scores.size / count
    return List(count) { one ->
        val box = boxes?.let { Box(it[4 * one], it[4 * one + 1], it[4 * one + 2], it[4 * one + 3]) }
        Pose(
            keypoints.copyOfRange(one * 2 * each, (one + 1) * 2 * each),
            scores.copyOfRange(one * each, (one + 1) * each), 2, box = box,
        )
    }
}

private fun numbers(box: Box): DoubleArray = doubleArrayOf(box.left, box.top, box.right, box.bottom)

private fun numbers(region: Region): DoubleArray =
    doubleArrayOf(region.centerX, region.centerY, region.width, region.height, region.rotationDegrees)
