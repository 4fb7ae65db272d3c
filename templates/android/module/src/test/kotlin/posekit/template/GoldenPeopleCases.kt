// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.max
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.booleanOrNull
import kotlinx.serialization.json.double
import kotlinx.serialization.json.int
import kotlinx.serialization.json.intOrNull
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive

/** The settings of a decoder case, as the generated contract holds its own. */
internal fun decoderSettings(case: JsonObject): DecoderSettings {
    val size = case.numbers("size_wh")
    return DecoderSettings(
        case.getValue("settings").jsonObject.filterValues { it !is JsonNull }.mapValues { setting(it.value) },
        inputWidth = size[0].toInt(),
        inputHeight = size[1].toInt(),
        inputAlignment = Alignment.valueOf(case.text("alignment").uppercase()),
        keypointCount = case.integer("keypoint_count"),
    )
}

private fun setting(element: JsonElement): Any = when (element) {
    is JsonArray -> element.map(::setting)
    is JsonPrimitive -> if (element.isString) {
        element.content
    } else {
        element.booleanOrNull ?: element.intOrNull ?: element.double
    }
    is JsonObject -> error("a setting of a golden case is a table")
}

/** The outputs of a decoder case by name. */
internal fun goldenOutputs(case: JsonObject): Map<String, Tensor> =
    case.getValue("outputs").jsonArray.map { it.jsonObject }.associate { output ->
        val shape = intArrayOf(1) + output.numbers("shape").map { it.toInt() }
        output.text("name") to Tensor(output.text("name"), shape).apply { values = output.floats("values") }
    }

/** What a decoder case is off by: keypoints and boxes in input px, scores and confidences; or another [count]. */
internal class DecoderErrors(val count: Int, val keypoints: Double, val scores: Double, val box: Double)

internal fun decoderErrors(case: JsonObject, decoder: Decoder): DecoderErrors {
    val people = decoder.decode(goldenOutputs(case))
    if (people.size != case.integer("people")) return DecoderErrors(1, 0.0, 0.0, 0.0)
    val scores = maxError(case.numbers("scores"), people.flatMap { it.scores.asList() }.toDoubleArray())
    val confidences = case["confidences"]?.jsonArray?.let { expected ->
        maxError(doubles(expected), people.map { it.confidence }.toDoubleArray())
    } ?: people.maxOf { maxError(doubleArrayOf(it.scores.average()), doubleArrayOf(it.confidence)) }
    val expectedBoxes = case["boxes_xyxy"]?.takeUnless { it is JsonNull }?.jsonArray
    val boxes = people.flatMap { numbers(it.box) }.toDoubleArray()
    check(expectedBoxes != null || people.all { it.box == null }) { "${case.text("name")} has no boxes" }
    return DecoderErrors(
        count = 0,
        keypoints = maxError(case.numbers("keypoints"), people.flatMap { it.coordinates.asList() }.toDoubleArray()),
        scores = listOf(scores, confidences, eachError(case, people)).reduce(::worse),
        box = expectedBoxes?.let { maxError(doubles(it), boxes) } ?: 0.0,
    )
}

/** What visibility, presence and world are off by; NaN where one side alone has them. */
private fun eachError(case: JsonObject, people: List<Person>): Double {
    val found = mapOf<String, (Person) -> DoubleArray?>(
        "visibility" to Person::visibility, "presence" to Person::presence, "world" to Person::world,
    )
    return found.entries.fold(0.0) { worst, (name, of) ->
        val expected = case[name]?.jsonArray?.let(::doubles)
        val values = people.mapNotNull(of)
        val isWhole = (expected == null || expected.isEmpty()) == values.isEmpty()
        val error = if (isWhole) values.flatMap { it.asList() }.toDoubleArray() else return Double.NaN
        worse(worst, maxError(expected ?: DoubleArray(0), error))
    }
}

private fun worse(one: Double, other: Double): Double = if (one.isNaN() || other.isNaN()) Double.NaN else max(one, other)

private fun doubles(values: JsonArray): DoubleArray = DoubleArray(values.size) { values[it].jsonPrimitive.double }

private fun numbers(box: Box?): List<Double> =
    if (box == null) List(4) { Double.NaN } else listOf(box.left, box.top, box.right, box.bottom)

/** Outputs of a decoder case that are decoded although one value of theirs is not finite. */
internal fun decodedThoughNotFinite(case: JsonObject, decoder: Decoder): Int =
    decoder.outputNames.count { name ->
        val outputs = goldenOutputs(case)
        outputs.getValue(name).values.let { it[it.size - 1] = Float.NaN }
        try {
            decoder.decode(outputs)
            true
        } catch (error: NonFiniteOutputException) {
            error.output != name
        }
    }

/** What the frames of all clips of people are off by: how many have other ids, and px of the smoothed keypoints. */
internal class PeopleErrors(val ids: Int, val smoothed: Double)

internal fun peopleErrors(cases: List<JsonObject>): PeopleErrors {
    var tracker = clipTracker(cases[0])
    var smoother = PeopleSmoother(minCutoff = 0.8, beta = 2.0)
    var otherIds = 0
    var worst = 0.0
    for (case in cases) {
        if (case.flag("starts")) {
            tracker = clipTracker(case)
            smoother = PeopleSmoother(minCutoff = 0.8, beta = 2.0)
        }
        val poses = posesOf(case)
        val expected = case.getValue("ids").jsonArray.map { it.jsonPrimitive.int }
        val ids = tracker.update(poses, case.number("time_seconds"))
        if (ids != expected) otherIds++
        val smoothed = smoother.smooth(expected, poses, case.number("time_seconds"))
        val error = maxError(case.numbers("smoothed"), smoothed.flatMap { it.coordinates.asList() }.toDoubleArray())
        worst = if (error.isNaN()) error else max(worst, error)
    }
    return PeopleErrors(otherIds, worst)
}

private fun clipTracker(case: JsonObject): PeopleTracker {
    val similarity = Similarity.valueOf(case.text("similarity").uppercase())
    return PeopleTracker(DoubleArray(case.integer("keypoint_count")) { 0.08 }, similarity, maxTracks = 4)
}

private fun posesOf(case: JsonObject): List<Pose> {
    val count = case.integer("keypoint_count")
    val keypoints = case.numbers("keypoints").asList().chunked(2 * count)
    val scores = case.numbers("scores").asList().chunked(count)
    val boxes = case.numbers("boxes_xyxy").asList().chunked(4)
    return keypoints.indices.map { one ->
        val (left, top, right, bottom) = boxes[one]
        val box = Box(left, top, right, bottom)
        Pose(keypoints[one].toDoubleArray(), scores[one].toDoubleArray(), 2, box = box)
    }
}
