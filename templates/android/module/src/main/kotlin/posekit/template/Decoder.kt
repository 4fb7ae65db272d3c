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
 * One person as a decoder finds it, in px of the model's input.
 *
 * @property coordinates x, y, or x, y, z, of each of the K keypoints in turn; new ones, which the caller may change.
 * @property scores one a keypoint.
 * @property confidence of the person; the mean of [scores] where the model gives none.
 * @property box where the model gives one.
 * @property visibility one a keypoint, where the model gives it; so is [presence].
 * @property world x, y, z of each keypoint in turn, metres, in the axes of the input, where the model gives them.
 */
internal class Person(
    val coordinates: DoubleArray,
    val scores: DoubleArray,
    val confidence: Double = scores.average(),
    val box: Box? = null,
    val visibility: DoubleArray? = null,
    val presence: DoubleArray? = null,
    val world: DoubleArray? = null,
)

/**
 * Outputs to people. Not for use by two threads: it keeps scratch.
 *
 * A class that is named after the kind in the contract, and whose companion makes one `of` [DecoderSettings].
 */
internal interface Decoder {
    /** Names of the outputs that are read. */
    val outputNames: List<String>

    /**
     * The people in one run's [outputs]; a decoder of one person gives one, or none where the model says so, the
     * others any number, the surest first.
     *
     * [NonFiniteOutputException] if a value is not finite.
     */
    fun decode(outputs: Map<String, Tensor>): List<Person>
}

/** 1 / (1 + exp(-x)), without overflow. */
internal fun sigmoid(value: Double): Double {
    val small = exp(-abs(value))
    return if (value >= 0) 1 / (1 + small) else small / (1 + small)
}

/** What is done to raw scores. */
internal enum class ScoreActivation {
    NONE,
    SIGMOID,
    ;

    fun of(value: Double): Double = if (this == SIGMOID) sigmoid(value) else value
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

/** TensorShapeException unless this tensor has that [expected] shape, the batch axis included; 0 is any side. */
internal fun Tensor.requireShape(expected: IntArray) {
    if (shape.size != expected.size || shape.indices.any { expected[it] != 0 && shape[it] != expected[it] }) {
        val sides = expected.joinToString(" x ") { if (it == 0) "any" else "$it" }
        throw TensorShapeException("output '$name' is $shapeText, expected $sides")
    }
}

/** TensorShapeException unless this tensor has [rank] axes, the batch axis included, and [count] on [axis]. */
internal fun Tensor.requireAxis(rank: Int, axis: Int, count: Int) {
    if (shape.size != rank || shape[axis] != count) {
        throw TensorShapeException("output '$name' is $shapeText, expected $count on axis $axis of $rank")
    }
}
