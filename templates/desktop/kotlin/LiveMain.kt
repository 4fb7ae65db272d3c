// SPDX-License-Identifier: Apache-2.0

package posekit.template

import java.io.DataInputStream
import java.io.DataOutputStream
import java.io.EOFException
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.addJsonObject
import kotlinx.serialization.json.boolean
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.double
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.put
import kotlinx.serialization.json.putJsonArray
import kotlinx.serialization.json.putJsonObject

/**
 * Looks at frames as an app does: a message about a frame and its bytes come by standard input, what is seen goes to
 * standard output. A message is its length, four bytes of which the highest is first, and its bytes. Argument: the
 * model's file, or the folder of both stages'.
 */
public fun main(arguments: Array<String>) {
    val input = DataInputStream(System.`in`.buffered())
    val output = DataOutputStream(System.out.buffered())
    TemplatePose.create(DesktopContext(File(arguments[0])), Options(Accelerator.CPU)).use { model ->
        val live = LivePoses(model)
        while (true) {
            val asked = Json.parseToJsonElement(readMessage(input)?.decodeToString() ?: return).jsonObject
            val bytes = requireNotNull(readMessage(input)) { "a frame has no bytes" }
            val (seen, maps) = answer(asked, bytes, live)
            writeMessage(output, seen.toString().encodeToByteArray())
            for (map in maps) writeMessage(output, littleEndian(map.values))
            output.flush()
        }
    }
}

/** What is said of a frame, and its dense results. */
private fun answer(asked: JsonObject, bytes: ByteArray, live: LivePoses): Pair<JsonObject, List<DenseMap>> = try {
    val pixels = pixels(asked, bytes)
    val orientation = Orientation(asked.int("rotation_degrees"), asked.boolean("mirrored"))
    live.isTracking = asked.boolean("tracking")
    live.isSmoothing = asked.boolean("smoothing")
    val frame = live.look(pixels, orientation, asked.getValue("time_seconds").jsonPrimitive.double)
    document(frame, view(asked.getValue("view").jsonObject, frame)) to frame.dense
} catch (error: PoseException) {
    failure(error)
} catch (error: IllegalArgumentException) { // a plane that is too short
    failure(error)
}

private fun failure(error: Exception): Pair<JsonObject, List<DenseMap>> =
    buildJsonObject { put("error", "${error.javaClass.simpleName}: ${error.message}") } to emptyList()

private fun pixels(asked: JsonObject, bytes: ByteArray): Pixels {
    val (width, height) = asked.getValue("size_wh").jsonArray.map { it.jsonPrimitive.int }
    val colors = YuvColors(
        YuvMatrix.valueOf(asked.text("matrix").uppercase()), YuvRange.valueOf(asked.text("range").uppercase()),
    )
    val memory = ByteBuffer.allocateDirect(bytes.size).put(bytes) // outside the heap, as a camera's
    val planes = asked.getValue("planes").jsonArray.map { it.jsonObject }.map { plane ->
        val samples = memory.duplicate().apply { position(plane.int("offset")) }
        Pixels.Plane(samples, plane.int("row_stride"), plane.int("pixel_stride"))
    }
    return when (val form = asked.text("form")) {
        "nv21" -> Pixels.nv21(bytes, width, height, colors)
        "rgba" -> Pixels.rgba(memory.duplicate().apply { position(0) }, width, height, asked.planeRow())
        "yuv420" -> Pixels.yuv420(planes[0], planes[1], planes[2], width, height, colors)
        else -> error("a frame is $form, expected nv21, rgba or yuv420")
    }
}

private fun view(asked: JsonObject, frame: LiveFrame): ViewMapping {
    val (width, height) = asked.getValue("size_wh").jsonArray.map { it.jsonPrimitive.double }
    val fit = ViewFit.valueOf(asked.text("fit").uppercase())
    return ViewMapping(frame.width, frame.height, width, height, fit, asked.boolean("mirrored"))
}

private fun document(frame: LiveFrame, view: ViewMapping): JsonObject = buildJsonObject {
    putJsonArray("people") {
        for (person in frame.people) {
            val pose = person.pose
            addJsonObject {
                put("id", person.id)
                poseDocument(pose).forEach(::put)
                put("in_view", JsonArray(List(pose.count) { numbers(view.viewX(pose.x(it)), view.viewY(pose.y(it))) }))
            }
        }
    }
    putJsonArray("dense") {
        for (map in frame.dense) {
            addJsonObject {
                put("name", map.name)
                put("size_wh", numbers(map.width.toDouble(), map.height.toDouble()))
                put("matrix", numbers(*map.transform))
            }
        }
    }
    putJsonObject("times_ms") {
        put("preprocessing", frame.times.preprocessingMs)
        put("inference", frame.times.inferenceMs)
        put("decoding", frame.times.decodingMs)
    }
}

private fun readMessage(from: DataInputStream): ByteArray? {
    val length = try {
        from.readInt()
    } catch (_: EOFException) {
        return null
    }
    return ByteArray(length).also(from::readFully)
}

private fun writeMessage(to: DataOutputStream, bytes: ByteArray) {
    to.writeInt(bytes.size)
    to.write(bytes)
}

private fun littleEndian(values: FloatArray): ByteArray =
    ByteBuffer.allocate(4 * values.size).order(ByteOrder.LITTLE_ENDIAN).apply { asFloatBuffer().put(values) }.array()

private fun JsonObject.text(name: String): String = getValue(name).jsonPrimitive.content

private fun JsonObject.int(name: String): Int = getValue(name).jsonPrimitive.int

private fun JsonObject.boolean(name: String): Boolean = getValue(name).jsonPrimitive.boolean

private fun JsonObject.planeRow(): Int = getValue("planes").jsonArray.single().jsonObject.int("row_stride")

private fun numbers(vararg values: Double): JsonArray = JsonArray(values.map { JsonPrimitive(it) })
