// SPDX-License-Identifier: Apache-2.0

package posekit.template

import java.nio.ByteBuffer
import kotlin.math.abs
import kotlin.math.max
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.jsonObject

/** By how many grey levels the colours of a frame's planes are off. */
internal fun yuvError(case: JsonObject): Int {
    val (width, height) = case.numbers("size_wh").map(Double::toInt)
    val matrix = YuvMatrix.valueOf(case.text("matrix").uppercase())
    val colors = YuvColors(matrix, YuvRange.valueOf(case.text("range").uppercase()))
    val (y, u, v) = listOf("y", "u", "v").map { plane(case.getValue(it).jsonObject) }
    val window = PixelWindow().apply { set(0, 0, width - 1, height - 1) }
    Pixels.yuv420(y, u, v, width, height, colors).source.read(window)
    val expected = case.bytes("rgb")
    return expected.indices.fold(0) { worst, i ->
        val seen = window.argb[i / 3] shr 16 - 8 * (i % 3) and 255
        max(worst, abs(seen - (expected[i].toInt() and 255)))
    }
}

/** In memory outside the heap, from its first sample on, as cameras give it. */
private fun plane(data: JsonObject): Pixels.Plane {
    val bytes = data.bytes("bytes")
    val buffer = ByteBuffer.allocateDirect(bytes.size).put(bytes)
    buffer.position(data.integer("offset"))
    return Pixels.Plane(buffer, data.integer("row_stride"), data.integer("pixel_stride"))
}
