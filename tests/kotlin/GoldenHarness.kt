// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive

/** Largest errors over all golden vectors, for every decoder, as one JSON line. */
public fun main() {
    println(
        json(
            "warp" to warpSuite(),
            "heatmap" to ofKind("heatmap"),
            "simcc" to ofKind("simcc"),
            "regression" to ofKind("regression"),
            "tracking" to trackingSuite(),
        ),
    )
}

private fun ofKind(kind: String): String = decoderSuite(kind) { decoderOf(kind, it) }

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
