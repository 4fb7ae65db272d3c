// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.max
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive

/** Largest errors over all golden vectors, for every decoder, as one JSON line. */
public fun main() {
    println(
        json(
            "warp" to warpSuite(),
            "heatmap" to decoderSuite("heatmap"),
            "simcc" to decoderSuite("simcc"),
            "regression" to decoderSuite("regression"),
            "tracking" to trackingSuite(),
        ),
    )
}

internal fun json(vararg fields: Pair<String, Any>): String = fields.joinToString(", ", "{", "}") { (key, value) ->
    val text = if (value is Double && !value.isFinite()) "null" else value.toString() // null: NaN, which fails
    "\"$key\": $text"
}

/** A maximum that NaN sticks to. */
private class Worst {
    var value = 0.0
        private set

    fun add(error: Double) {
        value = if (value.isNaN() || error.isNaN()) Double.NaN else max(value, error)
    }
}

private fun warpSuite(): String {
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

private fun decoderSuite(kind: String): String {
    val cases = goldenCases("decoders").filter { it.getValue("decoder").jsonObject.text("kind") == kind }
    val keypoints = Worst()
    val scores = Worst()
    for (case in cases) {
        val errors = decoderErrors(case, decoderOf(kind, case))
        keypoints.add(errors.keypoints)
        scores.add(errors.scores)
    }
    return json("cases" to cases.size, "px" to keypoints.value, "score" to scores.value)
}

internal fun decoderOf(kind: String, case: JsonObject): Decoder {
    val decoder = case.getValue("decoder").jsonObject
    val size = case.numbers("size_wh")
    val (width, height) = size[0].toInt() to size[1].toInt()
    val count = case.numbers("scores").size
    val activation = Activation.valueOf(decoder.text("activation").uppercase())
    return when (kind) {
        "heatmap" -> HeatmapDecoder(
            decoder.text("output"),
            HeatmapDecoder.Refinement.valueOf(decoder.text("refinement").uppercase()),
            HeatmapDecoder.Alignment.valueOf(decoder.text("alignment").uppercase()),
            decoder.integer("blur_kernel"), activation, width, height, count,
        )
        "simcc" -> SimccDecoder(
            decoder.text("output_x"), decoder.text("output_y"), decoder.number("split_ratio"),
            SimccDecoder.ScoreReduction.valueOf(decoder.text("score_reduction").uppercase()),
            SimccDecoder.Refinement.valueOf(decoder.text("refinement").uppercase()), activation, count,
        )
        else -> RegressionDecoder(
            decoder.text("output"),
            decoder.getValue("fields").jsonArray.map {
                RegressionDecoder.Field.valueOf(it.jsonPrimitive.content.uppercase())
            },
            RegressionDecoder.Range.valueOf(decoder.text("range").uppercase()),
            Alignment.valueOf(case.text("alignment").uppercase()), activation, width, height, count,
        )
    }
}

private fun trackingSuite(): String {
    val input = InputSpec(96, 128, Resize.AFFINE_CROP, Alignment.HALF_PIXEL, padValue = 0.0, boxPadding = 1.25)
    val tracker = RegionTracker(input, minScore = 0.3, margin = 1.2)
    val filter = OneEuroFilter(minCutoff = 0.8, beta = 0.02)
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
        smoothed.add(maxError(case.numbers("smoothed"), filter.smooth(pose, case.number("time_seconds")).coordinates))
    }
    return json("cases" to cases.size, "lost" to lost, "region" to regions.value, "smoothed" to smoothed.value)
}

private fun numbers(region: Region): DoubleArray =
    doubleArrayOf(region.centerX, region.centerY, region.width, region.height, region.rotationDegrees)
