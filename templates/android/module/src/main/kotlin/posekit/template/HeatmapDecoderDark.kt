// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.ln
import kotlin.math.max

/**
 * DARK (Zhang et al. 2020): one Newton step on the logarithm of the blurred heatmap.
 *
 * Only the 5 x 5 px about the peak are blurred. The published code scales the blurred map back to its old maximum;
 * under the logarithm that adds a constant, which no derivative sees, so it is left out.
 *
 * @param isLogit whether the map holds logits, which are made scores first.
 */
internal class DarkStep(private val kernelSize: Int, private val edge: BlurEdge, private val isLogit: Boolean) {
    private val kernel = gaussianKernel(kernelSize)
    private val span = kernelSize + SIDE - 1
    private val rows = DoubleArray(SIDE * span) // about the peak, blurred downwards
    private val log = DoubleArray(SIDE * SIDE) // the peak at row 2, column 2

    /** Puts the step from the peak ([x], [y]) of map [k] into [offset], map px; none within two px of the edge. */
    fun step(maps: Heatmaps, x: Int, y: Int, k: Int, offset: DoubleArray) {
        if (x <= 1 || x >= maps.width - 2 || y <= 1 || y >= maps.height - 2) return
        blur(maps, x, y, k)
        val dx = 0.5 * (at(2, 3) - at(2, 1))
        val dy = 0.5 * (at(3, 2) - at(1, 2))
        val dxx = 0.25 * (at(2, 4) - 2 * at(2, 2) + at(2, 0))
        val dyy = 0.25 * (at(4, 2) - 2 * at(2, 2) + at(0, 2))
        val dxy = 0.25 * (at(3, 3) - at(1, 3) - at(3, 1) + at(1, 1))
        val det = dxx * dyy - dxy * dxy
        // a peak has a negative definite Hessian; where blurring left none, the step would lead away from it
        if (!(det > 0 && dxx < 0)) return
        offset[0] = (-(dyy * dx - dxy * dy) / det).coerceIn(-2.0, 2.0) // the patch ends two px from the peak
        offset[1] = (-(dxx * dy - dxy * dx) / det).coerceIn(-2.0, 2.0)
    }

    private fun at(row: Int, column: Int): Double = log[row * SIDE + column]

    /** Fills [log]. */
    private fun blur(maps: Heatmaps, x: Int, y: Int, k: Int) {
        val reach = span / 2
        for (row in 0 until SIDE) {
            for (column in 0 until span) {
                val mapX = edge.source(x - reach + column, maps.width)
                var sum = 0.0
                for (tap in 0 until kernelSize) {
                    val mapY = edge.source(y - reach + row + tap, maps.height)
                    if (mapX < 0 || mapY < 0) continue
                    val value = maps[mapX, mapY, k]
                    sum += kernel[tap] * if (isLogit) sigmoid(value) else value
                }
                rows[row * span + column] = sum
            }
            for (column in 0 until SIDE) {
                var sum = 0.0
                for (tap in 0 until kernelSize) sum += kernel[tap] * rows[row * span + column + tap]
                log[row * SIDE + column] = ln(max(sum, LOG_FLOOR))
            }
        }
    }

    private companion object {
        private const val SIDE = 5 // px about the peak that are blurred
        private const val LOG_FLOOR = 1e-10 // blurred values may be 0
    }
}
