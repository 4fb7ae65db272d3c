// SPDX-License-Identifier: Apache-2.0

package posekit.template

import com.google.ai.edge.litert.FakeLiteRt
import kotlin.math.abs
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.double
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive

private const val CANDIDATES = 240 // 12 x 16 cells of 16 px, 6 x 8 of 32 px

/**
 * The generated class of a model of several people on a fake LiteRT: prints `name: true|false` as JSON.
 *
 * Argument: a folder with the model.
 */
public object SeveralChecks {
    @JvmStatic
    public fun main(folders: Array<String>) {
        val context = FakeContext(folders[0])
        val checks = listOf(
            "the_surest_first" to { surestFirst(context) },
            "nobody_is_no_error" to { give(); TemplatePose.create(context).use { it.estimate(bitmap()) }.isEmpty() },
            "a_region_is_the_poses_own" to { regionIsKept(context) },
            "ids_stay" to { idsStay(context) },
            "a_mask_over_the_picture" to { maskLies(context) },
            "device_run_of_a_mask" to { give(); masks(context).all { it == listOf(32, 24) } },
            "device_run_of_two" to { deviceRun(context) },
            "device_run_of_nobody" to { give(); people(context).all { it is JsonArray && it.isEmpty() } },
            "device_run_of_nan" to { give(0.9f, Float.NaN); people(context).all { it is JsonNull } },
        )
        println(json(*checks.map { (name, check) -> name to check() }.toTypedArray()))
    }

    private fun bitmap() = android.graphics.Bitmap.createBitmap(
        IntArray(640 * 480), 640, 480, android.graphics.Bitmap.Config.ARGB_8888,
    )

    /** People in cells (3, 2) and (4, 8), each at the corner of its cell, a cell's box around its middle. */
    private fun give(vararg confidences: Float) {
        val boxes = FloatArray(4 * CANDIDATES) { 1f }
        val scores = FloatArray(CANDIDATES)
        confidences.forEachIndexed { at, confidence -> scores[listOf(2 * 12 + 3, 8 * 12 + 4)[at]] = confidence }
        FakeLiteRt.inputShape = listOf(1, 256, 192, 3)
        FakeLiteRt.outputs["boxes"] = listOf(1, 4, CANDIDATES) to boxes
        FakeLiteRt.outputs["scores"] = listOf(1, 1, CANDIDATES) to scores
        FakeLiteRt.outputs["segments"] = listOf(1, 16, 12, 1) to FloatArray(16 * 12) { if (it % 12 < 6) 4f else -4f }
        FakeLiteRt.outputs["keypoints"] = listOf(1, 51, CANDIDATES) to FloatArray(51 * CANDIDATES)
    }

    private fun near(values: List<Double>, expected: List<Double>): Boolean =
        values.size == expected.size && values.indices.all { abs(values[it] - expected[it]) < 1e-6 }

    /** 640 x 480 at 3:4 is 640 x 853.3: 10 / 3 source px an input px, 186.67 px of it above the picture. */
    private fun sourceX(x: Int): Double = x * 10 / 3.0

    private fun sourceY(y: Int): Double = y * 10 / 3.0 - 560 / 3.0

    private fun boxOf(left: Int, top: Int): List<Double> =
        listOf(sourceX(left), sourceY(top), sourceX(left + 32), sourceY(top + 32))

    private fun surestFirst(context: FakeContext): Boolean {
        give(0.5f, 0.75f)
        val people: List<Pose> = TemplatePose.create(context).use { it.estimate(bitmap()) }
        val nose = people[0][TemplatePose.Keypoint.NOSE]
        val box = people[0].box!!
        return people.map { it.confidence } == listOf(0.75, 0.5) && nose.score == 0.5 &&
            near(listOf(nose.x, nose.y), listOf(sourceX(64), sourceY(128))) &&
            near(listOf(box.left, box.top, box.right, box.bottom), boxOf(56, 120))
    }

    /** The left half is on: the input's middle is the picture's. */
    private fun maskLies(context: FakeContext): Boolean {
        give(0.5f)
        val estimate = TemplatePose.create(context).use { it.estimateDense(bitmap()) }
        val mask = estimate.person
        val cell = mask.transform
        return estimate.poses.size == 1 && estimate.maps == listOf(mask) && mask.labels == listOf("person") &&
            mask.width == 24 && mask.height == 32 && mask.label(0, 5) == 1 && mask.label(23, 5) == 0 &&
            near(listOf(cell[2], cell[5]), listOf(sourceX(4), sourceY(4))) &&
            mask.at(100.0, 200.0) > 0.9f && mask.at(600.0, 200.0) < 0.1f && mask.at(100.0, 700.0) == 0f
    }

    private fun masks(context: FakeContext) = results(context).map { result ->
        val mask = result.getValue("dense").jsonObject.getValue("person").jsonObject
        mask.numbers("shape").map { it.toInt() }
    }

    private fun regionIsKept(context: FakeContext): Boolean {
        give(0.5f)
        val region = TemplatePose.regionFromBox(100.0, 100.0, 220.0, 260.0)
        return TemplatePose.create(context).use { it.estimate(bitmap(), region = region) }.single().region == region
    }

    /** However sure the model is of whom. */
    private fun idsStay(context: FakeContext): Boolean = TemplatePose.create(context).use { model ->
        val tracker = TemplatePose.peopleTracker(Similarity.IOU)
        give(0.5f, 0.75f)
        val before = tracker.update(model.estimate(bitmap()), 0.0)
        give(0.75f, 0.5f)
        before == listOf(1, 2) && tracker.update(model.estimate(bitmap()), 0.1) == listOf(2, 1)
    }

    private fun people(context: FakeContext) = results(context).map { it.getValue("people") }

    private fun results(context: FakeContext) = DeviceRunChecks.run(context).getValue("passes").jsonArray
        .flatMap { it.jsonObject.getValue("cases").jsonArray }
        .flatMap { it.jsonObject.getValue("results").jsonArray }
        .map { it.jsonObject }
        .also { check(it.size == 8) { "${it.size} results of 2 passes, 2 cases, 2 modes" } }

    private fun deviceRun(context: FakeContext): Boolean {
        give(0.5f, 0.75f)
        return people(context).all { found ->
            val (first, second) = found.jsonArray.map { it.jsonObject }
            first.keys == setOf("keypoints", "scores", "confidence", "box_xyxy") &&
                first.getValue("keypoints").jsonArray.all { it.jsonArray.size == 2 } &&
                first.numbers("scores").size == 17 && numberOf(first) == 0.75 && numberOf(second) == 0.5 &&
                first.numbers("box_xyxy").size == 4
        }
    }

    private fun numberOf(person: JsonObject): Double = person.getValue("confidence").jsonPrimitive.double
}
