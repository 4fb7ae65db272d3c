// SPDX-License-Identifier: Apache-2.0

package posekit.template

import android.content.Context
import android.graphics.Bitmap
import com.google.ai.edge.litert.FakeLiteRt
import java.nio.ByteBuffer
import kotlin.random.Random

/** A camera's frames through the generated class; for [FacadeChecks]. */
internal object FrameChecks {
    private const val WIDTH = 75
    private const val HEIGHT = 49
    private const val PADDING = 5
    private const val SEED = 20261129

    /** RGBA with padded rows and NV21 give the input that a bitmap of the same colours gives, however they are turned. */
    fun areRead(context: Context): Boolean = TemplatePose.create(context).use { model ->
        val random = Random(SEED)
        val rgba = rgba(random)
        val nv21 = random.nextBytes(WIDTH * HEIGHT + (WIDTH + 1) / 2 * 2 * ((HEIGHT + 1) / 2))
        val frame = Pixels.nv21(nv21, WIDTH, HEIGHT, YuvColors(YuvMatrix.BT709, YuvRange.VIDEO))
        val pictures = listOf(Pixels.rgba(rgba, WIDTH, HEIGHT, 4 * WIDTH + PADDING), frame)
        val regions = listOf(null, Region(30.0, 20.0, 20.0, 30.0), Region(30.0, 20.0, 20.0, 30.0, 12.0))
        pictures.all { pixels ->
            val bitmap = bitmap(pixels)
            (1..8).map(Orientation::ofExif).all { orientation ->
                regions.all { region ->
                    input { model.estimate(pixels, orientation, region) } contentEquals
                        input { model.estimate(bitmap, orientation.rotationDegrees, orientation.mirrored, region) }
                }
            }
        }
    }

    private fun input(estimate: () -> Unit): FloatArray {
        estimate()
        return FakeLiteRt.lastInput
    }

    private fun rgba(random: Random): ByteBuffer {
        val bytes = random.nextBytes((4 * WIDTH + PADDING) * HEIGHT + 3)
        return ByteBuffer.allocateDirect(bytes.size).put(bytes).position(3) as ByteBuffer
    }

    /** The colours of all its px. */
    private fun bitmap(pixels: Pixels): Bitmap {
        val window = PixelWindow().apply { set(0, 0, WIDTH - 1, HEIGHT - 1) }
        pixels.source.read(window)
        return Bitmap.createBitmap(window.argb, WIDTH, HEIGHT, Bitmap.Config.ARGB_8888)
    }
}
