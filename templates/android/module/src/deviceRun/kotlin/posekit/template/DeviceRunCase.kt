// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.add
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.put
import kotlinx.serialization.json.putJsonArray
import kotlinx.serialization.json.putJsonObject

/** One case on one accelerator; the names of its tensors' files begin with [stem]. */
internal class CaseRun(
    private val contract: PoseContract,
    private val engine: PoseEngine,
    private val files: RequestFiles,
    private val written: RunFiles,
    private val case: AskedCase,
    private val stem: String,
) {
    private val pipeline = engine.pipeline
    private val picture = files.picture(case.picture)
    private val input = files.tensor(case.input)
    private val orientation = case.picture.orientation
    private val region =
        case.region ?: pipeline.wholeFrame(case.picture.width, case.picture.height, orientation)

    fun run(asked: RunRequest, times: RunTimes): JsonObject = ran(
        asked.modes.map { mode ->
            when (mode) {
                RunMode.IMAGE -> image().also { time(asked, times) }
                RunMode.TENSOR -> tensor()
                RunMode.OUTPUTS -> outputs()
            }
        },
    )

    /** Both stages on the whole picture, from which nobody is followed. */
    fun runBoth(both: PeopleEngine): JsonObject {
        val people = decoded { both.estimate(Pixels.of(picture.bitmap), orientation) }
        return ran(listOf(result("image", people, null, emptyMap(), emptyMap())))
    }

    private fun ran(results: List<JsonObject>): JsonObject = buildJsonObject {
        put("name", case.name)
        put("sha256", picture.sha256With(input.bytes))
        putJsonObject("region") {
            putJsonArray("center_xy") { add(region.centerX); add(region.centerY) }
            putJsonArray("size_wh") { add(region.width); add(region.height) }
            put("rotation_degrees", region.rotationDegrees)
        }
        put("results", JsonArray(results))
    }

    private fun image(): JsonObject {
        val people = decoded { engine.estimate(Pixels.of(picture.bitmap), orientation, case.region) }
        val shape = listOf(1, contract.input.height, contract.input.width, 3)
        val input = written.tensor("$stem-image-input.f32", shape, pipeline.input)
        return result("image", people, input, pipeline.outputs, pipeline.outputs)
    }

    private fun tensor(): JsonObject {
        val values = input.values
        require(values.size == pipeline.input.size) {
            "the input of case '${case.name}' has ${values.size} values, the model takes ${pipeline.input.size}"
        }
        values.copyInto(pipeline.input)
        pipeline.infer()
        val people = decoded { pipeline.decode(pipeline.outputs, inputTransform(region, contract.input), region) }
        return result("tensor", people, null, pipeline.outputs, pipeline.outputs)
    }

    private fun outputs(): JsonObject {
        val given = case.outputs.mapValues { (name, asked) ->
            Tensor(name, asked.shape.toIntArray()).apply { values = files.tensor(asked).values }
        }
        val people = decoded { pipeline.decode(given, inputTransform(region, contract.input), region) }
        return result("outputs", people, null, emptyMap(), given)
    }

    private fun result(
        mode: String, people: List<Pose>?, input: JsonObject?, outputs: Map<String, Tensor>, read: Map<String, Tensor>,
    ): JsonObject =
        buildJsonObject {
            put("mode", mode)
            put("input", input ?: JsonNull)
            putJsonObject("outputs") {
                outputs.values.forEachIndexed { index, tensor ->
                    val file = "$stem-$mode-output$index.f32"
                    put(tensor.name, written.tensor(file, tensor.shape.toList(), tensor.values))
                }
            }
            put("people", people?.takeIf { it.all(::isFinite) }?.let { JsonArray(it.map(::poseDocument)) } ?: JsonNull)
            putJsonObject("dense") {
                val maps = if (read.isEmpty()) null else decoded { pipeline.dense(read, inputTransform(region, contract.input)) }
                for (map in maps.orEmpty()) {
                    val file = "$stem-$mode-dense-${map.name}.f32"
                    put(map.name, written.tensor(file, listOf(map.height, map.width), map.values))
                    val surface = map.surface ?: continue
                    val shape = listOf(map.height, map.width, 2)
                    put("${map.name}_uv", written.tensor("$stem-$mode-dense-${map.name}-uv.f32", shape, surface))
                }
            }
        }

    /** What is decoded, or null where that cannot be because the outputs are not finite. */
    private fun <T> decoded(decode: () -> List<T>): List<T>? = try {
        decode()
    } catch (error: NonFiniteOutputException) {
        null
    }

    private fun isFinite(pose: Pose): Boolean =
        (pose.coordinates + pose.scores + pose.confidence).all(Double::isFinite) &&
            listOfNotNull(pose.visibility, pose.presence, pose.world).all { it.all(Double::isFinite) } &&
            pose.box?.let { box -> listOf(box.left, box.top, box.right, box.bottom).all(Double::isFinite) } != false

    /** The same steps as an estimate takes, one by one. */
    private fun time(asked: RunRequest, times: RunTimes) {
        val runs = if (asked.repeats == 0) 0 else asked.warmup + asked.repeats
        repeat(runs) { run ->
            val start = System.nanoTime()
            val transform = pipeline.preprocess(BitmapSource(picture.bitmap), orientation, region)
            val preprocessed = System.nanoTime()
            pipeline.infer()
            val inferred = System.nanoTime()
            decoded { pipeline.decode(pipeline.outputs, transform, region) }
            if (run >= asked.warmup) times.add(start, preprocessed, inferred, System.nanoTime())
        }
    }
}
