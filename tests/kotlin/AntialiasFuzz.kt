// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.abs
import kotlin.math.ceil
import kotlin.math.floor
import kotlin.math.max
import kotlin.random.Random

/** The module's antialiasing, line by line, against its definition: every px of the picture weighed for every px. */
internal object AntialiasFuzz {
    private const val ROUNDS = 400
    private const val SEED = 20261128

    fun agrees(): Boolean {
        val random = Random(SEED)
        return (0 until ROUNDS).all { worst(random) < 0.01 }
    }

    private fun worst(random: Random): Double {
        val input = InputSpec(
            random.nextInt(2, 9), random.nextInt(2, 9), Resize.entries.random(random), Alignment.entries.random(random),
            random.nextInt(256).toDouble(), boxPadding = 1.0, sampling = Sampling.BILINEAR_ANTIALIAS,
        )
        val width = random.nextInt(1, 30)
        val height = random.nextInt(1, 30)
        val source = RgbSource(width, height, random.nextBytes(width * height * 3))
        val orientation = Orientation(90 * random.nextInt(4), random.nextBoolean())
        val scale = listOf(0.5, 10.0, 90.0).random(random)
        val region = Region(
            random.nextDouble(-20.0, 50.0), random.nextDouble(-20.0, 50.0),
            scale * random.nextDouble(0.5, 3.0), scale * random.nextDouble(0.5, 3.0),
        )
        val transform = inputTransform(region, input)
        val window = PixelWindow()
        val out = FloatArray(input.width * input.height * 3) { Float.NaN }
        Warp(input, transform, orientation, width, height).run {
            window(window)
            source.read(window)
            warp(window, out)
        }
        val whole = PixelWindow().apply { set(0, 0, width - 1, height - 1) }
        source.read(whole)
        val plain = plainly(whole, transform, orientation, input)
        return out.indices.maxOf { abs(out[it] - plain[it]).let { error -> if (error.isNaN()) 1e9 else error } }
    }

    private fun plainly(
        image: PixelWindow, transform: InputTransform, orientation: Orientation, input: InputSpec,
    ): DoubleArray {
        val toStored = storedIndexMatrix(image.width, image.height, orientation)
        val center = transform.pixelCenter
        val perX = max(abs(transform.toSource.a), 1.0)
        val perY = max(abs(transform.toSource.d), 1.0)
        return DoubleArray(input.width * input.height * 3) { at ->
            val column = at / 3 % input.width
            val row = at / 3 / input.width
            val content = column in transform.left until transform.right && row in transform.top until transform.bottom
            val sourceX = transform.toSource.mapX(column + center, row + center) - center
            val sourceY = transform.toSource.mapY(column + center, row + center) - center
            val x = toStored.mapX(sourceX, sourceY)
            val y = toStored.mapY(sourceX, sourceY)
            val along = weights(x, if (orientation.swapsSides) perY else perX, image.width, transform.clamp)
            val across = weights(y, if (orientation.swapsSides) perX else perY, image.height, transform.clamp)
            if (content) sum(image, along, across, 16 - 8 * (at % 3), input.padValue) else input.padValue
        }
    }

    /** Weight of each px from -n to 2 n of an axis of n, those outside 0 with [clamp]; they sum to 1. */
    private fun weights(position: Double, reach: Double, size: Int, clamp: Boolean): Map<Int, Double> {
        val near = floor(position - reach).toInt()..ceil(position + reach).toInt()
        val all = near.associateWith { max(1 - abs(it - position) / reach, 0.0) }
        val counted = if (clamp) all.filterKeys { it in 0 until size } else all
        val sum = counted.values.sum()
        if (sum == 0.0) return mapOf(position.coerceIn(0.0, size - 1.0).toInt() to 1.0)
        return counted.mapValues { it.value / sum }
    }

    private fun sum(
        image: PixelWindow, along: Map<Int, Double>, across: Map<Int, Double>, shift: Int, pad: Double,
    ): Double = across.entries.sumOf { (row, down) ->
        along.entries.sumOf { (column, weight) ->
            val inside = column in 0 until image.width && row in 0 until image.height
            val value = if (inside) (image.argb[row * image.width + column] shr shift and 255).toDouble() else pad
            value * weight * down
        }
    }
}
