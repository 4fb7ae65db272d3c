// SPDX-License-Identifier: Apache-2.0

package posekit.template

/** Coordinates given as numbers: rows (1, K, [fields]). z has the unit of x, or is times [depthScale]. */
internal class RegressionDecoder private constructor(
    private val output: String,
    private val fields: List<Field>,
    private val range: Range,
    alignment: Alignment,
    private val depthScale: Double?,
    private val activation: Activation,
    inputWidth: Int,
    inputHeight: Int,
    private val keypointCount: Int,
) : Decoder {
    enum class Field { X, Y, Z, SCORE, SKIP }

    /** UNIT: 0 to 1 over the input, which under CORNERS ends at the centre of its last px. SIGNED_UNIT: -1 to 1. */
    enum class Range { UNIT, SIGNED_UNIT, INPUT_PX }

    enum class Activation { NONE, SIGMOID }

    private val extentX = inputWidth - alignment.shrink
    private val extentY = inputHeight - alignment.shrink
    private val xAt = fields.indexOf(Field.X)
    private val yAt = fields.indexOf(Field.Y)
    private val zAt = fields.indexOf(Field.Z)
    private val scoreAt = fields.indexOf(Field.SCORE)

    override val outputNames: List<String> = listOf(output)
    private val dimensions = if (zAt >= 0) 3 else 2

    override fun decode(outputs: Map<String, Tensor>): List<Person> {
        val tensor = outputs.finite(output)
        tensor.requireAxis(rank = 3, axis = 1, count = keypointCount)
        tensor.requireAxis(rank = 3, axis = 2, count = fields.size)
        val values = tensor.values
        val keypoints = DoubleArray(keypointCount * dimensions)
        val scores = DoubleArray(keypointCount)
        for (k in 0 until keypointCount) {
            val row = k * fields.size
            val to = k * dimensions
            keypoints[to] = toInputPx(values[row + xAt].toDouble(), extentX)
            keypoints[to + 1] = toInputPx(values[row + yAt].toDouble(), extentY)
            if (zAt >= 0) keypoints[to + 2] = depthToInputPx(values[row + zAt].toDouble())
            scores[k] = if (scoreAt >= 0) activate(values[row + scoreAt].toDouble()) else 1.0
        }
        return listOf(Person(keypoints, scores))
    }

    private fun activate(score: Double): Double = if (activation == Activation.SIGMOID) sigmoid(score) else score

    private fun toInputPx(value: Double, extent: Int): Double = when (range) {
        Range.INPUT_PX -> value
        Range.UNIT -> value * extent
        Range.SIGNED_UNIT -> (value + 1) * (extent / 2.0)
    }

    /** A depth has no origin at the image's edge, so it is scaled, not shifted. */
    private fun depthToInputPx(value: Double): Double = depthScale?.let { value * it } ?: when (range) {
        Range.INPUT_PX -> value
        Range.UNIT -> value * extentX
        Range.SIGNED_UNIT -> value * (extentX / 2.0)
    }

    companion object {
        fun of(settings: DecoderSettings): RegressionDecoder = RegressionDecoder(
            output = settings.text("output"),
            fields = settings.choices<Field>("fields").also {
                if (Field.X !in it || Field.Y !in it) throw settings.wrong("fields", "x and y among them")
            },
            range = settings.choice("range"),
            alignment = settings.inputAlignment,
            depthScale = if (settings.has("z_scale")) settings.number("z_scale") else null,
            activation = settings.choice("activation"),
            inputWidth = settings.inputWidth,
            inputHeight = settings.inputHeight,
            keypointCount = settings.keypointCount,
        )
    }
}
