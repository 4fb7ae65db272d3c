// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.abs
import kotlin.math.exp

/** One output of the model: [shape] with the batch axis of 1, channels last; [values] are replaced at every run. */
internal class Tensor(val name: String, val shape: IntArray) {
    /** How many values the shape holds. */
    val size: Int = shape.fold(1) { product, side -> product * side }
    var values: FloatArray = FloatArray(0)

    val shapeText: String get() = shape.joinToString(" x ")
}

/**
 * Outputs to keypoints in input px, one score each. Not for use by two threads: it keeps scratch.
 *
 * A class that is named after the kind in the contract, and whose companion makes one `of` [DecoderSettings].
 */
internal interface Decoder {
    /** Names of the outputs that are read. */
    val outputNames: List<String>

    /** Coordinates a keypoint: 2, or 3 with z. */
    val dimensions: Int

    /**
     * Decode one run's [outputs].
     *
     * [keypoints] takes K * [dimensions] numbers, [scores] K. [NonFiniteOutputException] if a value is not finite.
     */
    fun decode(outputs: Map<String, Tensor>, keypoints: DoubleArray, scores: DoubleArray)
}

/** 1 / (1 + exp(-x)), without overflow. */
internal fun sigmoid(value: Double): Double {
    val small = exp(-abs(value))
    return if (value >= 0) 1 / (1 + small) else small / (1 + small)
}

/** The output of that name, checked: as many values as its shape says, all finite. */
internal fun Map<String, Tensor>.finite(name: String): Tensor {
    val tensor = this[name] ?: throw TensorShapeException("no output '$name' among ${keys.joinToString()}")
    val values = tensor.values
    if (values.size != tensor.size) {
        throw TensorShapeException("output '$name' is ${tensor.shapeText}, but has ${values.size} values")
    }
    for (position in values.indices) {
        if (!values[position].isFinite()) throw NonFiniteOutputException(name, position)
    }
    return tensor
}

/** TensorShapeException unless this tensor has [rank] axes, the batch axis included, and [count] on [axis]. */
internal fun Tensor.requireAxis(rank: Int, axis: Int, count: Int) {
    if (shape.size != rank || shape[axis] != count) {
        throw TensorShapeException("output '$name' is $shapeText, expected $count on axis $axis of $rank")
    }
}
