// SPDX-License-Identifier: Apache-2.0

package posekit.template

/** The rows of a [plane] of [width] x [height] samples of [sampleBytes] bytes; one row at a time is in memory. */
internal class PlaneRows(name: String, plane: Pixels.Plane, width: Int, height: Int, private val sampleBytes: Int) {
    private val buffer = plane.buffer.duplicate() // whose position is this one's own
    private val origin = buffer.position()
    private val rowStride = plane.rowStride
    private val pixelStride = plane.pixelStride
    private var bytes = ByteArray(0)

    init {
        val rowBytes = (width - 1).toLong() * pixelStride + sampleBytes
        require(pixelStride >= sampleBytes && rowStride >= rowBytes) {
            "$name has a row stride of $rowStride and a pixel stride of $pixelStride, which hold no $width samples a row"
        }
        val needed = (height - 1).toLong() * rowStride + rowBytes
        require(buffer.remaining() >= needed) {
            "$name has ${buffer.remaining()} bytes, expected $needed for $width x $height samples with a row stride of $rowStride"
        }
    }

    /** The bytes of the samples [from] to before [until] of a row, valid until the next one is read. */
    fun read(row: Int, from: Int, until: Int): ByteArray {
        val count = (until - from - 1) * pixelStride + sampleBytes
        if (bytes.size < count) bytes = ByteArray(count)
        buffer.position(origin + row * rowStride + from * pixelStride)
        buffer.get(bytes, 0, count)
        return bytes
    }
}

/** Refuse a picture without pixels, and one whose pixels cannot be counted. */
internal fun requireSize(width: Int, height: Int) {
    require(width > 0 && height > 0 && width.toLong() * height <= Int.MAX_VALUE / 4) {
        "the picture is $width x $height px, expected at least 1 x 1 and at most ${Int.MAX_VALUE / 4} px"
    }
}

/** Pixels of red, green, blue and alpha. */
internal class RgbaSource(override val width: Int, override val height: Int, plane: Pixels.Plane) : PixelSource {
    private val rows: PlaneRows
    private val pixelStride = plane.pixelStride

    init {
        requireSize(width, height)
        rows = PlaneRows("RGBA", plane, width, height, 4)
    }

    override fun read(window: PixelWindow) {
        val left = window.left
        window.forEachRow { row, start ->
            val bytes = rows.read(row, left, left + window.width)
            for (place in 0 until window.columnCount) {
                val at = window.columns[place]
                val byte = at * pixelStride
                val red = bytes[byte].toInt() and 255
                val green = bytes[byte + 1].toInt() and 255
                val blue = bytes[byte + 2].toInt() and 255
                window.argb[start + at] = (0xff shl 24) or (red shl 16) or (green shl 8) or blue
            }
        }
    }
}
