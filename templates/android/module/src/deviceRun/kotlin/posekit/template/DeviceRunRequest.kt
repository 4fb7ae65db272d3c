// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.boolean
import kotlinx.serialization.json.double
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive

/** What a run can be asked for: image to keypoints, the reference's tensor to keypoints, given outputs to keypoints. */
internal enum class RunMode { IMAGE, TENSOR, OUTPUTS }

/** A picture beside the request: RGB bytes as stored, and how it becomes upright. */
internal class AskedPicture(val file: String, val width: Int, val height: Int, val orientation: Orientation)

/** A tensor beside the request: raw little-endian float32. */
internal class AskedTensor(val file: String, val shape: List<Int>) {
    val size: Int get() = shape.fold(1) { product, side -> product * side }
}

/** One case; [region] null: the whole frame. */
internal class AskedCase(
    val name: String,
    val picture: AskedPicture,
    val region: Region?,
    val input: AskedTensor,
    val outputs: Map<String, AskedTensor>,
)

/** Which model of two stages is run: one of them, or both after one another; of one stage it is the only one. */
internal enum class RunStage { POSE, DETECTOR, BOTH }

/** request.json. */
internal class RunRequest(
    val stage: RunStage,
    val modes: List<RunMode>,
    val accelerators: List<String>,
    val warmup: Int,
    val repeats: Int,
    val cases: List<AskedCase>,
)

private const val MAX_CASES = 256
private const val MAX_SIDE = 1 shl 15
private const val MAX_VALUES = 1L shl 26
private val accelerators = listOf("cpu", "gpu", "npu", "none")
private val fileName = Regex("[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")

/** The request in [text]; [IllegalArgumentException] where it is damaged or names a file outside its folder. */
internal fun parseRequest(text: String): RunRequest = try {
    val document = Json.parseToJsonElement(text).jsonObject
    require(document.integer("schema") == 1) { "schema is ${document["schema"]}, expected 1" }
    val stage = document["stage"]?.jsonPrimitive?.content ?: "pose"
    val request = RunRequest(
        stage = requireNotNull(RunStage.entries.find { it.name.lowercase() == stage }) { "'$stage' is no stage" },
        modes = document.texts("modes").map { mode ->
            requireNotNull(RunMode.entries.find { it.name.lowercase() == mode }) { "'$mode' is no mode" }
        },
        accelerators = document.texts("accelerators").onEach { name ->
            require(name in accelerators) { "'$name' is no accelerator" }
        },
        warmup = document["warmup"]?.jsonPrimitive?.int ?: 2,
        repeats = document["repeats"]?.jsonPrimitive?.int ?: 20,
        cases = document.getValue("cases").jsonArray.map { case(it.jsonObject) },
    )
    require(request.cases.size in 1..MAX_CASES) { "there are ${request.cases.size} cases" }
    require(request.warmup in 0..1000) { "warmup is ${request.warmup}" }
    require(request.repeats in 0..10000) { "repeats is ${request.repeats}" }
    request
} catch (error: IllegalArgumentException) { // what the parser throws is one too
    throw IllegalArgumentException("request.json is damaged: ${error.message?.lineSequence()?.first()}", error)
} catch (error: NoSuchElementException) {
    throw IllegalArgumentException("request.json is damaged: ${error.message}", error)
}

private fun case(data: JsonObject): AskedCase = AskedCase(
    name = data.text("name"),
    picture = picture(data.getValue("picture").jsonObject),
    region = data.getValue("region").takeUnless { it is JsonNull }?.let { region(it.jsonObject) },
    input = tensor(data.getValue("input")),
    outputs = data["outputs"]?.jsonObject?.mapValues { (_, value) -> tensor(value) } ?: emptyMap(),
)

private fun picture(data: JsonObject): AskedPicture {
    val (width, height) = data.getValue("size_wh").jsonArray.map { it.jsonPrimitive.int }.also { require(it.size == 2) }
    require(width in 1..MAX_SIDE && height in 1..MAX_SIDE) { "a picture has $width x $height px" }
    val rotation = data["rotation_degrees"]?.jsonPrimitive?.int ?: 0
    return AskedPicture(
        data.file(), width, height, Orientation(rotation, data["mirrored"]?.jsonPrimitive?.boolean ?: false),
    )
}

private fun region(data: JsonObject): Region {
    val (centerX, centerY) = data.pair("center_xy")
    val (width, height) = data.pair("size_wh")
    return Region(centerX, centerY, width, height, data["rotation_degrees"]?.jsonPrimitive?.double ?: 0.0)
}

private fun tensor(element: JsonElement): AskedTensor {
    val data = element.jsonObject
    val shape = data.getValue("shape").jsonArray.map { it.jsonPrimitive.int }
    require(shape.size in 1..8 && shape.all { it > 0 }) { "a tensor has the shape $shape" }
    val size = shape.fold(1L) { product, side -> minOf(product * side, MAX_VALUES + 1) }
    require(size <= MAX_VALUES) { "a tensor of the shape $shape is too large" }
    return AskedTensor(data.file(), shape)
}

private fun JsonObject.file(): String =
    text("file").also { require(fileName.matches(it)) { "'$it' is no plain file name" } }

private fun JsonObject.text(key: String): String =
    getValue(key).jsonPrimitive.also { require(it.isString) { "$key is $it, expected a text" } }.content

private fun JsonObject.integer(key: String): Int = getValue(key).jsonPrimitive.int

private fun JsonObject.texts(key: String): List<String> = getValue(key).jsonArray.map { it.jsonPrimitive.content }

private fun JsonObject.pair(key: String): List<Double> =
    getValue(key).jsonArray.map { it.jsonPrimitive.double }.also { require(it.size == 2) { "$key is no pair" } }
