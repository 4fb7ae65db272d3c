// SPDX-License-Identifier: Apache-2.0

package posekit.template

import com.sun.management.ThreadMXBean
import java.lang.management.ManagementFactory
import java.nio.ByteBuffer
import kotlin.math.exp
import kotlin.random.Random

private const val WARM_UP = 300
private const val FRAMES = 400

/**
 * Thread CPU time and allocation per frame of the wrapper around the model, on this JVM: a region of a 1280 x 720 picture to a
 * 192 x 256 input, and 48 x 64 x 17 heatmaps to keypoints by the contract's decoder; all of it for a camera's whole 640 x 480
 * frame in YUV, a quarter turn from upright. The model itself is a stand-in that
 * costs nothing.
 */
public object WrapperBenchmark {
    private val threads = ManagementFactory.getThreadMXBean() as ThreadMXBean

    @JvmStatic
    public fun main(arguments: Array<String>) {
        val input = InputSpec(192, 256, Resize.AFFINE_CROP, Alignment.HALF_PIXEL, padValue = 0.0, boxPadding = 1.25)
        val contract = PoseContract("", "", input, "image", emptyList(), 17, TemplatePoseContract.contract.decoder)
        val outputs = mapOf("heatmaps" to heatmaps())
        val picture = NoiseSource(1280, 720)
        val region = Region(640.0, 360.0, 420.0, 560.0, 5.0)
        val whole = frameRegion(1280, 720, input)
        val tensor = FloatArray(192 * 256 * 3)
        val window = PixelWindow()
        val decoder = TemplatePoseContract.contract.decoder.new()
        val pipeline = PosePipeline(contract, object : ModelRunner {
            override fun run(input: FloatArray): Map<String, Tensor> = outputs

            override fun close(): Unit = Unit
        })
        val upright = Orientation()
        val cameraFrame = cameraFrame(640, 480)
        println(
            "{" + listOf(
                measure("preprocess_region") { preprocess(input, region, picture, window, tensor) },
                measure("preprocess_whole") { preprocess(input, whole, picture, window, tensor) },
                measure("decode") { decoder.decode(outputs) },
                measure("estimate") { pipeline.estimate(picture, upright, region) },
                measure("camera_frame") { pipeline.estimate(cameraFrame.source, Orientation(90), null) },
            ).joinToString(", ") + "}",
        )
    }

    /** Planes of noise as phones lay them out: U and V in turn, rows padded, outside the heap. */
    private fun cameraFrame(width: Int, height: Int): Pixels {
        val stride = width + 64
        val random = Random(1)
        fun plane(bytes: Int) = ByteBuffer.allocateDirect(bytes).put(random.nextBytes(bytes)).apply { rewind() }
        val chroma = plane(stride * height / 2)
        val second = chroma.duplicate().apply { position(1) }
        return Pixels.yuv420(
            Pixels.Plane(plane(stride * height), stride), Pixels.Plane(chroma, stride, 2), Pixels.Plane(second, stride, 2),
            width, height,
        )
    }

    private fun measure(name: String, frame: () -> Unit): String {
        repeat(WARM_UP) { frame() }
        val nanoseconds = LongArray(FRAMES)
        val thread = Thread.currentThread().id
        val before = threads.getThreadAllocatedBytes(thread)
        for (i in 0 until FRAMES) {
            val start = threads.currentThreadCpuTime
            frame()
            nanoseconds[i] = threads.currentThreadCpuTime - start
        }
        val bytes = (threads.getThreadAllocatedBytes(thread) - before) / FRAMES
        nanoseconds.sort()
        val median = nanoseconds[FRAMES / 2] / 1e6
        val p90 = nanoseconds[FRAMES * 9 / 10] / 1e6
        return "\"$name\": {\"frames\": $FRAMES, \"median_ms\": $median, \"p90_ms\": $p90, \"bytes_per_frame\": $bytes}"
    }

    private fun preprocess(
        input: InputSpec, region: Region, from: PixelSource, window: PixelWindow, tensor: FloatArray,
    ) {
        val warp = Warp(input, inputTransform(region, input), Orientation(), from.width, from.height)
        warp.window(window)
        from.read(window)
        warp.warp(window, tensor)
    }

    private fun heatmaps(): Tensor = Tensor("heatmaps", intArrayOf(1, 64, 48, 17)).apply {
        values = FloatArray(size) { at ->
            val k = at % 17
            val x = at / 17 % 48 - (4 + 2.4 * k)
            val y = at / 17 / 48 - (6 + 3.1 * k)
            exp(-(x * x + y * y) / 8).toFloat()
        }
    }
}

/** A picture of noise, copied row by row as `Bitmap.getPixels` does. */
private class NoiseSource(override val width: Int, override val height: Int) : PixelSource {
    private val argb = IntArray(width * height) { it * -0x61c88647 or (0xff shl 24) }

    override fun read(window: PixelWindow): Unit = window.forEachRow { row, start ->
        val from = row * width + window.left
        argb.copyInto(window.argb, start, from, from + window.width)
    }
}
