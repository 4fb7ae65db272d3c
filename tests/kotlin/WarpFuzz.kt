// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.abs
import kotlin.math.floor
import kotlin.random.Random

/** The module's warp, with its window and its fast way, against the plain one: all taps looked up in the whole image. */
internal object WarpFuzz {
    private const val ROUNDS = 3000
    private const val SEED = 20261121

    fun agrees(): Boolean {
        val random = Random(SEED)
        return (0 until ROUNDS).all { worst(random) < 0.01 }
    }

    private fun worst(random: Random): Double {
        val input = InputSpec(
            random.nextInt(2, 20), random.nextInt(2, 20),
            Resize.entries.random(random), Alignment.entries.random(random),
            padValue = random.nextInt(256).toDouble(), boxPadding = 1.0,
            sampling = listOf(Sampling.BILINEAR, Sampling.BILINEAR_32NDS).random(random),
        )
        val width = random.nextInt(1, 60)
        val height = random.nextInt(1, 60)
        val source = RgbSource(width, height, random.nextBytes(width * height * 3))
        val orientation = Orientation(90 * random.nextInt(4), random.nextBoolean())
        val transform = inputTransform(region(random), input)
        val window = PixelWindow()
        val out = FloatArray(input.width * input.height * 3) { Float.NaN }
        Warp(input, transform, orientation, width, height).run {
            window(window)
            source.read(window)
            warp(window, out)
        }
        val whole = PixelWindow().apply { set(0, 0, width - 1, height - 1) }
        source.read(whole)
        val plain = plainWarp(whole, transform, orientation, input)
        return out.indices.maxOf { abs(out[it] - plain[it]).let { error -> if (error.isNaN()) 1e9 else error } }
    }

    private fun region(random: Random): Region {
        val scale = listOf(0.01, 1.0, 30.0, 1e4).random(random)
        val turn = listOf(0.0, 90.0, random.nextDouble(-180.0, 180.0)).random(random)
        val where = listOf(20.0, 30.0 + scale).random(random)
        return Region(
            random.nextDouble(-where, 2 * where), random.nextDouble(-where, 2 * where),
            scale * random.nextDouble(0.5, 3.0), scale * random.nextDouble(0.5, 3.0), turn,
        )
    }

    private fun plainWarp(
        image: PixelWindow, transform: InputTransform, orientation: Orientation, input: InputSpec,
    ): DoubleArray {
        val toStored = storedIndexMatrix(image.width, image.height, orientation)
        val center = transform.pixelCenter
        return DoubleArray(input.width * input.height * 3) { at ->
            val column = at / 3 % input.width
            val row = at / 3 / input.width
            val content = column in transform.left until transform.right && row in transform.top until transform.bottom
            val sourceX = transform.toSource.mapX(column + center, row + center) - center
            val sourceY = transform.toSource.mapY(column + center, row + center) - center
            fun placed(index: Double): Double =
                if (input.sampling == Sampling.BILINEAR_32NDS) floor(index * 32 + 0.5 + 1e-7) / 32 else index
            val x = placed(toStored.mapX(sourceX, sourceY))
            val y = placed(toStored.mapY(sourceX, sourceY))
            if (content) bilinear(image, x, y, 16 - 8 * (at % 3), transform.clamp, input.padValue) else input.padValue
        }
    }

    private fun bilinear(image: PixelWindow, x: Double, y: Double, shift: Int, clamp: Boolean, pad: Double): Double {
        val fx = x - floor(x)
        val fy = y - floor(y)
        fun tap(dx: Double, dy: Double): Double {
            val column = floor(x) + dx
            val row = floor(y) + dy
            val inside = column >= 0 && row >= 0 && column < image.width && row < image.height
            if (!inside && !clamp) return pad
            val nearColumn = column.coerceIn(0.0, image.width - 1.0).toInt()
            val nearRow = row.coerceIn(0.0, image.height - 1.0).toInt()
            return (image.argb[nearRow * image.width + nearColumn] shr shift and 255).toDouble()
        }
        val upper = tap(0.0, 0.0) * (1 - fx) + tap(1.0, 0.0) * fx
        val lower = tap(0.0, 1.0) * (1 - fx) + tap(1.0, 1.0) * fx
        return upper * (1 - fy) + lower * fy
    }
}
