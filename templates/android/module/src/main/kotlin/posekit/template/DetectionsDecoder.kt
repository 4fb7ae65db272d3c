// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.min

/**
 * Candidates of a one-stage model, each a box, scores of classes and keypoints, of which suppression keeps people.
 *
 * What the channels are is data. Only candidates above the least confidence are looked at closer.
 * Sources: Maji et al. 2022, "YOLO-Pose"; Lu et al. 2024, "RTMO"; Wu et al. 2023, "YuNet".
 */
internal class DetectionsDecoder private constructor(
    private val axes: Axes,
    private val grid: Grid,
    private val scores: CandidateScores,
    private val boxes: CandidateBoxes,
    private val keypoints: CandidateKeypoints,
    private val nms: Nms,
    private val keypointCount: Int,
) : Decoder {
    private val roles = scores.roles + boxes.role + keypoints.role
    private val shapes = roles.flatMap { it.outputs }.distinct().associateWith(::shapeOf)
    private var boxNumbers = DoubleArray(0)
    private var points = DoubleArray(0)
    private var kept = IntArray(0)

    override val outputNames: List<String> = shapes.keys.toList()

    override fun decode(outputs: Map<String, Tensor>): List<Person> {
        for ((name, shape) in shapes) outputs.finite(name).requireShape(shape)
        for (role in roles) role.bind(outputs)
        roles.find { it.places != scores.count }?.let {
            throw TensorShapeException("output '${it.outputs[0]}' has ${it.places} candidates, others ${scores.count}")
        }
        val count = min(scores.find(), nms.mostIn)
        reserve(count)
        for (rank in 0 until count) {
            boxes.read(scores.place(rank), boxNumbers, 4 * rank)
            if (nms.kind == Nms.Kind.OKS) keypoints.read(scores.place(rank), points, 2 * keypointCount * rank)
        }
        return List(nms.keep(count, boxNumbers, points, kept)) { person(kept[it]) }
    }

    private fun person(rank: Int): Person {
        val place = scores.place(rank)
        val confidence = scores.confidence(rank)
        val coordinates = DoubleArray(2 * keypointCount).also { keypoints.read(place, it, 0) }
        val at = 4 * rank
        val box = Box(boxNumbers[at], boxNumbers[at + 1], boxNumbers[at + 2], boxNumbers[at + 3])
        return Person(coordinates, keypoints.scores(place, confidence), confidence, box)
    }

    private fun reserve(count: Int) {
        if (kept.size >= count) return
        kept = IntArray(count)
        boxNumbers = DoubleArray(4 * count)
        if (nms.kind == Nms.Kind.OKS) points = DoubleArray(2 * keypointCount * count)
    }

    private fun shapeOf(output: String): IntArray {
        val readers = roles.filter { output in it.outputs }
        val channels = readers.maxOf { it.first + it.count }
        return grid.shape(readers[0], readers[0].outputs.indexOf(output), channels, axes)
    }

    companion object {
        fun of(settings: DecoderSettings): DetectionsDecoder {
            val axes = settings.choice<Axes>("axes")
            val strides = settings.integers("strides")
            if (!strides.all { it > 0 } || (axes == Axes.MAPS && strides.isEmpty())) {
                throw settings.wrong("strides", "those of the levels, each above 0")
            }
            val grid = Grid(strides, settings.inputWidth, settings.inputHeight)
            return DetectionsDecoder(
                axes = axes,
                grid = grid,
                scores = CandidateScores.of(settings, axes),
                boxes = CandidateBoxes.of(settings, axes, grid),
                keypoints = CandidateKeypoints.of(settings, axes, grid),
                nms = Nms.of(settings),
                keypointCount = settings.keypointCount,
            )
        }
    }
}
