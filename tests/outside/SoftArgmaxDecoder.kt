// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.exp

/** Heatmaps (1, h, w, K) to keypoints: the mean place of a softmax over each map. */
internal class SoftArgmaxDecoder private constructor(
    private val output: String,
    private val sharpness: Double,
    private val isScored: Boolean,
    private val inputWidth: Int,
    private val inputHeight: Int,
    private val keypointCount: Int,
) : Decoder {
    override val outputNames: List<String> = listOf(output)

    override fun decode(outputs: Map<String, Tensor>): List<Person> {
        val tensor = outputs.finite(output)
        tensor.requireAxis(rank = 4, axis = 3, count = keypointCount)
        val height = tensor.shape[1]
        val width = tensor.shape[2]
        val keypoints = DoubleArray(2 * keypointCount)
        val scores = DoubleArray(keypointCount)
        for (k in 0 until keypointCount) {
            val map = DoubleArray(height * width) { tensor.values[it * keypointCount + k].toDouble() }
            val peak = map.max()
            var total = 0.0
            var x = 0.0
            var y = 0.0
            for (at in map.indices) {
                val weight = exp(sharpness * (map[at] - peak))
                total += weight
                x += weight * (at % width)
                y += weight * (at / width)
            }
            keypoints[2 * k] = x / total * inputWidth / width
            keypoints[2 * k + 1] = y / total * inputHeight / height
            scores[k] = if (isScored) peak else 1.0
        }
        return listOf(Person(keypoints, scores))
    }

    companion object {
        fun of(settings: DecoderSettings): SoftArgmaxDecoder = SoftArgmaxDecoder(
            output = settings.text("output"),
            sharpness = settings.number("sharpness"),
            isScored = settings.flag("is_scored"),
            inputWidth = settings.inputWidth,
            inputHeight = settings.inputHeight,
            keypointCount = settings.keypointCount,
        )
    }
}
