// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.ln

/**
 * DARK as UDP has it (Huang et al. 2020): one Newton step on the logarithm of the blurred heatmap, at its edge too, and
 * however far it leads.
 *
 * The blurred map is scaled back to its old maximum, since small values are cut off; beyond its edge it goes on as it
 * ends there.
 *
 * @param isLogit whether the map holds logits, which are made scores first.
 */
internal class UdpStep(kernelSize: Int, edge: BlurEdge, private val isLogit: Boolean) {
    private val gaussian = GaussianBlur(kernelSize, edge)
    private var raw = DoubleArray(0)
    private var scale = 1.0

    /** Puts the step from the peak ([x], [y]) of map [k] into [offset], map px. */
    fun step(maps: Heatmaps, x: Int, y: Int, k: Int, offset: DoubleArray) {
        blur(maps, k)
        val here = log(maps, x, y)
        val left = log(maps, x - 1, y)
        val right = log(maps, x + 1, y)
        val above = log(maps, x, y - 1)
        val below = log(maps, x, y + 1)
        val dx = 0.5 * (right - left)
        val dy = 0.5 * (below - above)
        val dxx = right - 2 * here + left + RIDGE
        val dyy = below - 2 * here + above + RIDGE
        val corners = log(maps, x + 1, y + 1) - right - below + 2 * here - left - above + log(maps, x - 1, y - 1)
        val dxy = 0.5 * corners
        val det = dxx * dyy - dxy * dxy
        if (det == 0.0) return
        offset[0] = -(dyy * dx - dxy * dy) / det
        offset[1] = -(dxx * dy - dxy * dx) / det
    }

    /** The logarithm of the blurred map at a px, or at the nearest one of its edge. */
    private fun log(maps: Heatmaps, x: Int, y: Int): Double {
        val at = y.coerceIn(0, maps.height - 1) * maps.width + x.coerceIn(0, maps.width - 1)
        return ln((gaussian.at(at) * scale).coerceIn(LEAST, MOST))
    }

    /** Takes the whole map, for its maximum. */
    private fun blur(maps: Heatmaps, k: Int) {
        val width = maps.width
        val height = maps.height
        if (raw.size != width * height) raw = DoubleArray(width * height)
        for (y in 0 until height) {
            for (x in 0 until width) raw[y * width + x] = maps[x, y, k].let { if (isLogit) sigmoid(it) else it }
        }
        gaussian.take(raw, width, height)
        scale = raw.max() / (gaussian.at(gaussian.best()) + 1e-12)
    }

    private companion object {
        private const val LEAST = 1e-3
        private const val MOST = 50.0
        private const val RIDGE = 1.1920928955078125e-7 // added to the diagonal of the Hessian
    }
}
