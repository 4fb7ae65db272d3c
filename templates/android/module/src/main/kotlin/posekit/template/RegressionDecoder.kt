// SPDX-License-Identifier: Apache-2.0

package posekit.template

/** Coordinates given as numbers: K rows of [fields], in whatever shape. z has the unit of x, about its own origin. */
internal class RegressionDecoder(
    private val output: String,
    private val fields: List<Field>,
    private val range: Range,
    private val activation: Activation,
    private val inputWidth: Int,
    private val inputHeight: Int,
    private val keypointCount: Int,
) : Decoder {
    enum class Field { X, Y, Z, SCORE, SKIP }

    /** UNIT: 0 to 1 over the input. SIGNED_UNIT: -1 to 1 over the input. */
    enum class Range { UNIT, SIGNED_UNIT, INPUT_PX }

    private val xAt = fields.indexOf(Field.X)
    private val yAt = fields.indexOf(Field.Y)
    private val zAt = fields.indexOf(Field.Z)
    private val scoreAt = fields.indexOf(Field.SCORE)

    override val outputNames: List<String> = listOf(output)
    override val dimensions: Int = if (zAt >= 0) 3 else 2

    override fun decode(outputs: Map<String, Tensor>, keypoints: DoubleArray, scores: DoubleArray) {
        val tensor = outputs.finite(output)
        if (tensor.size != keypointCount * fields.size) {
            throw TensorShapeException("output '$output' is ${tensor.shapeText}, not $keypointCount x ${fields.size}")
        }
        val values = tensor.values
        for (k in 0 until keypointCount) {
            val row = k * fields.size
            val to = k * dimensions
            keypoints[to] = toInputPx(values[row + xAt].toDouble(), inputWidth)
            keypoints[to + 1] = toInputPx(values[row + yAt].toDouble(), inputHeight)
            if (zAt >= 0) keypoints[to + 2] = depthToInputPx(values[row + zAt].toDouble())
            scores[k] = if (scoreAt >= 0) activate(values[row + scoreAt].toDouble()) else 1.0
        }
    }

    private fun activate(score: Double): Double = if (activation == Activation.SIGMOID) sigmoid(score) else score

    private fun toInputPx(value: Double, size: Int): Double = when (range) {
        Range.INPUT_PX -> value
        Range.UNIT -> value * size
        Range.SIGNED_UNIT -> (value + 1) * (size / 2.0)
    }

    /** A depth has no origin at the image's edge, so it is scaled, not shifted. */
    private fun depthToInputPx(value: Double): Double = when (range) {
        Range.INPUT_PX -> value
        Range.UNIT -> value * inputWidth
        Range.SIGNED_UNIT -> value * (inputWidth / 2.0)
    }
}
