// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.add
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put
import kotlinx.serialization.json.putJsonArray
import kotlinx.serialization.json.putJsonObject

/** One case on one accelerator; the names of its tensors' files begin with [stem]. */
internal class CaseRun(
    private val model: TemplatePose,
    private val files: RequestFiles,
    private val written: RunFiles,
    private val case: AskedCase,
    private val stem: String,
) {
    private val contract = TemplatePoseContract.contract
    private val pipeline = model.engine.pipeline
    private val picture = files.picture(case.picture)
    private val input = files.tensor(case.input)
    private val orientation = case.picture.orientation
    private val region = case.region ?: frameRegion(
        uprightWidth(case.picture.width, case.picture.height, orientation),
        uprightHeight(case.picture.width, case.picture.height, orientation),
        contract.input,
    )

    fun run(asked: RunRequest, times: RunTimes): JsonObject = buildJsonObject {
        put("name", case.name)
        put("sha256", picture.sha256With(input.bytes))
        putJsonObject("region") {
            putJsonArray("center_xy") { add(region.centerX); add(region.centerY) }
            putJsonArray("size_wh") { add(region.width); add(region.height) }
            put("rotation_degrees", region.rotationDegrees)
        }
        putJsonArray("results") {
            for (mode in asked.modes) {
                add(
                    when (mode) {
                        RunMode.IMAGE -> image().also { time(asked, times) }
                        RunMode.TENSOR -> tensor()
                        RunMode.OUTPUTS -> outputs()
                    },
                )
            }
        }
    }

    private fun image(): JsonObject {
        val (rotationDegrees, mirrored) = orientation
        val pose = decoded { model.estimate(picture.bitmap, rotationDegrees, mirrored, case.region) }
        val shape = listOf(1, contract.input.height, contract.input.width, 3)
        return result("image", pose, written.tensor("$stem-image-input.f32", shape, pipeline.input), pipeline.outputs)
    }

    private fun tensor(): JsonObject {
        val values = input.values
        require(values.size == pipeline.input.size) {
            "the input of case '${case.name}' has ${values.size} values, the model takes ${pipeline.input.size}"
        }
        values.copyInto(pipeline.input)
        pipeline.infer()
        val pose = decoded { pipeline.decode(pipeline.outputs, inputTransform(region, contract.input)) }
        return result("tensor", pose, null, pipeline.outputs)
    }

    private fun outputs(): JsonObject {
        val given = case.outputs.mapValues { (name, asked) ->
            Tensor(name, asked.shape.toIntArray()).apply { values = files.tensor(asked).values }
        }
        val pose = decoded { pipeline.decode(given, inputTransform(region, contract.input)) }
        return result("outputs", pose, null, emptyMap())
    }

    private fun result(mode: String, pose: Pose?, input: JsonObject?, outputs: Map<String, Tensor>): JsonObject =
        buildJsonObject {
            put("mode", mode)
            put("input", input ?: JsonNull)
            putJsonObject("outputs") {
                outputs.values.forEachIndexed { index, tensor ->
                    val file = "$stem-$mode-output$index.f32"
                    put(tensor.name, written.tensor(file, tensor.shape.toList(), tensor.values))
                }
            }
            val keypoints = pose?.run { coordinates.toList().chunked(dimensions, ::numbers) }
            put("keypoints", keypoints?.let(::JsonArray) ?: JsonNull)
            put("scores", pose?.let { numbers(it.scores.asList()) } ?: JsonNull)
        }

    private fun numbers(values: List<Double>): JsonArray = JsonArray(values.map { JsonPrimitive(it) })

    /** The pose, or null where it is not finite or nothing can be decoded because the outputs are not. */
    private fun decoded(pose: () -> Pose): Pose? = try {
        pose().takeIf { found -> (found.coordinates + found.scores).all(Double::isFinite) }
    } catch (error: NonFiniteOutputException) {
        null
    }

    /** The same steps as [TemplatePose.estimate] takes, one by one. */
    private fun time(asked: RunRequest, times: RunTimes) {
        val runs = if (asked.repeats == 0) 0 else asked.warmup + asked.repeats
        repeat(runs) { run ->
            val start = System.nanoTime()
            val transform = pipeline.preprocess(BitmapSource(picture.bitmap), orientation, case.region)
            val preprocessed = System.nanoTime()
            pipeline.infer()
            val inferred = System.nanoTime()
            decoded { pipeline.decode(pipeline.outputs, transform) }
            if (run >= asked.warmup) times.add(start, preprocessed, inferred, System.nanoTime())
        }
    }
}
