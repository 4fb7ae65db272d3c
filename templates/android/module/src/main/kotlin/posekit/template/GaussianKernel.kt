// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.exp

/** Normalised Gaussian of odd [size] with the sigma that OpenCV derives from it (getGaussianKernel). */
internal fun gaussianKernel(size: Int): DoubleArray {
    val sigma = 0.3 * ((size - 1) * 0.5 - 1) + 0.8
    val weights = DoubleArray(size) { i ->
        val position = (i - size / 2).toDouble()
        exp(-(position * position) / (2 * sigma * sigma))
    }
    val sum = weights.sum()
    return DoubleArray(size) { weights[it] / sum }
}
