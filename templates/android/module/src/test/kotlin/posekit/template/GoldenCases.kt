// SPDX-License-Identifier: Apache-2.0

package posekit.template

import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.util.Base64
import kotlin.math.abs
import kotlin.math.max
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.boolean
import kotlinx.serialization.json.double
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive

/** The cases of `<name>.json` among the golden vectors; the folder is the system property `posekit.golden`. */
internal fun goldenCases(name: String): List<JsonObject> {
    val file = File(System.getProperty("posekit.golden", "../golden"), "$name.json")
    check(file.isFile) { "no golden vectors at ${file.absolutePath}: -Dposekit.golden names the bundle's golden folder" }
    return Json.parseToJsonElement(file.readText()).jsonObject.getValue("cases").jsonArray.map { it.jsonObject }
}

internal fun JsonObject.text(key: String): String = getValue(key).jsonPrimitive.content

internal fun JsonObject.number(key: String): Double = getValue(key).jsonPrimitive.double

internal fun JsonObject.integer(key: String): Int = getValue(key).jsonPrimitive.int

internal fun JsonObject.flag(key: String): Boolean = getValue(key).jsonPrimitive.boolean

internal fun JsonObject.numbers(key: String): DoubleArray = getValue(key).doubles()

internal fun JsonObject.bytes(key: String): ByteArray = Base64.getDecoder().decode(text(key))

internal fun JsonObject.floats(key: String): FloatArray {
    val buffer = ByteBuffer.wrap(bytes(key)).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer()
    return FloatArray(buffer.remaining()).also { buffer.get(it) }
}

private fun JsonElement.doubles(): DoubleArray =
    DoubleArray(jsonArray.size) { (this as JsonArray)[it].jsonPrimitive.double }

/** Largest difference of two arrays; NaN where one is. */
internal fun maxError(expected: DoubleArray, actual: DoubleArray): Double {
    check(expected.size == actual.size) { "${actual.size} numbers, expected ${expected.size}" }
    return expected.indices.fold(0.0) { worst, i -> max(worst, abs(expected[i] - actual[i])) }
}

internal fun inputSpec(case: JsonObject): InputSpec {
    val input = case.getValue("input").jsonObject
    val size = input.numbers("size_wh")
    return InputSpec(
        width = size[0].toInt(),
        height = size[1].toInt(),
        resize = Resize.valueOf(input.text("resize").uppercase()),
        alignment = Alignment.valueOf(input.text("alignment").uppercase()),
        padValue = input.number("pad_value"),
        boxPadding = input.number("box_padding"),
        sampling = Sampling.valueOf(input.text("sampling").uppercase()),
        anchor = Anchor.valueOf(input.text("anchor").uppercase()),
        rounding = Rounding.valueOf(input.text("rounding").uppercase()),
        oddPixel = OddPixel.valueOf(input.text("odd_pixel").uppercase()),
        enlarge = input.flag("enlarge"),
        outside = Outside.valueOf(input.text("outside").uppercase()),
    )
}

/** The region of a case or of a tracking step. */
internal fun region(data: JsonObject): Region {
    val center = data.numbers("center_xy")
    val size = data.numbers("size_wh")
    return Region(center[0], center[1], size[0], size[1], data.number("rotation_degrees"))
}

/** A picture given as RGB bytes. */
internal class RgbSource(override val width: Int, override val height: Int, private val rgb: ByteArray) : PixelSource {
    override fun read(window: PixelWindow): Unit = window.forEachRow { row, start ->
        for (place in 0 until window.columnCount) {
            val column = window.columns[place]
            val at = (row * width + window.left + column) * 3
            val rgb = (byte(at) shl 16) or (byte(at + 1) shl 8) or byte(at + 2)
            window.argb[start + column] = (0xff shl 24) or rgb
        }
    }

    private fun byte(at: Int): Int = rgb[at].toInt() and 255
}

/** What a warp case is off by: grey levels of the tensor, the region and matrix in their units, points in input px. */
internal class WarpErrors(val tensor: Double, val region: Double, val matrix: Double, val points: Double)

internal fun warpErrors(case: JsonObject): WarpErrors {
    val input = inputSpec(case)
    val size = case.numbers("image_size_wh")
    val source = RgbSource(size[0].toInt(), size[1].toInt(), case.bytes("image_rgb"))
    val orientation = Orientation(case.integer("rotation_degrees"), case.flag("mirrored"))
    val expected = region(case.getValue("region").jsonObject)
    val actual = when (case.text("region_kind")) {
        "frame" -> frameRegion(
            uprightWidth(source.width, source.height, orientation),
            uprightHeight(source.width, source.height, orientation),
            input,
        )
        "crop" -> case.numbers("box_xyxy").let { regionFromBox(it[0], it[1], it[2], it[3], input, input.boxPadding) }
        else -> expected
    }
    val transform = inputTransform(actual, input)
    val out = FloatArray(input.width * input.height * 3) { Float.NaN }
    val window = PixelWindow()
    val warp = Warp(input, transform, orientation, source.width, source.height)
    warp.window(window)
    source.read(window)
    warp.warp(window, out)
    val content = intArrayOf(transform.left, transform.top, transform.right, transform.bottom).map { it.toDouble() }
    return WarpErrors(
        tensor = maxError(case.floats("tensor").toDoubles(), out.toDoubles()),
        region = maxError(expected.toDoubles(), actual.toDoubles()),
        matrix = max(
            maxError(case.numbers("matrix"), transform.toInput.run { doubleArrayOf(a, b, tx, c, d, ty) }),
            maxError(case.numbers("content_xyxy"), content.toDoubleArray()),
        ),
        points = pointsError(case, transform),
    )
}

private fun pointsError(case: JsonObject, transform: InputTransform): Double {
    val source = case.numbers("points_source")
    val there = DoubleArray(source.size) { i ->
        val x = source[i and 1.inv()]
        val y = source[i or 1]
        if (i and 1 == 0) transform.toInput.mapX(x, y) else transform.toInput.mapY(x, y)
    }
    val back = DoubleArray(source.size) { i ->
        val x = there[i and 1.inv()]
        val y = there[i or 1]
        if (i and 1 == 0) transform.toSource.mapX(x, y) else transform.toSource.mapY(x, y)
    }
    return max(maxError(case.numbers("points_input"), there), maxError(source, back))
}

private fun Region.toDoubles(): DoubleArray = doubleArrayOf(centerX, centerY, width, height, rotationDegrees)

private fun FloatArray.toDoubles(): DoubleArray = DoubleArray(size) { this[it].toDouble() }
