// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.min

/**
 * Candidates of a one-stage model, each a box, scores of classes and keypoints, of which suppression keeps people.
 *
 * What the channels are is data. Detectors without keypoints give the corners of their boxes. Only candidates above the least confidence are looked at closer.
 * Sources: Maji et al. 2022, "YOLO-Pose"; Lu et al. 2024, "RTMO"; Wu et al. 2023, "YuNet".
 */
internal class DetectionsDecoder private constructor(
    private val axes: Axes,
    private val grid: Grid,
    private val scores: CandidateScores,
    private val boxes: CandidateBoxes,
    private val keypoints: CandidateKeypoints?,
    private val nms: Nms,
    private val keypointCount: Int,
) : Decoder {
    private val roles = scores.roles + boxes.role + listOfNotNull(keypoints?.role)
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
            if (nms.kind == Nms.Kind.OKS) readPoints(rank, points, 2 * keypointCount * rank)
        }
        val found = nms.keep(count, boxNumbers, points, kept)
        return List(found) { if (nms.kind == Nms.Kind.WEIGHTED) mean(kept[it], count) else person(kept[it]) }
    }

    private fun person(rank: Int): Person {
        val coordinates = DoubleArray(2 * keypointCount).also { readPoints(rank, it, 0) }
        return person(rank, coordinates, boxNumbers, 4 * rank)
    }

    /** The mean of those of [count] candidates that belong to the one at [rank], weighed by their confidences. */
    private fun mean(rank: Int, count: Int): Person {
        val one = DoubleArray(2 * keypointCount)
        val coordinates = DoubleArray(2 * keypointCount)
        val box = DoubleArray(4)
        var sum = 0.0
        for (other in rank until count) {
            if (nms.owner(other) != rank) continue
            val weight = scores.confidence(other)
            readPoints(other, one, 0)
            for (i in one.indices) coordinates[i] += weight * one[i]
            for (i in box.indices) box[i] += weight * boxNumbers[4 * other + i]
            sum += weight
        }
        for (i in coordinates.indices) coordinates[i] /= sum
        for (i in box.indices) box[i] /= sum
        return person(rank, coordinates, box, 0)
    }

    private fun person(rank: Int, coordinates: DoubleArray, box: DoubleArray, at: Int): Person {
        val confidence = scores.confidence(rank)
        val found = keypoints?.scores(scores.place(rank), confidence) ?: DoubleArray(keypointCount) { confidence }
        return Person(coordinates, found, confidence, Box(box[at], box[at + 1], box[at + 2], box[at + 3]))
    }

    private fun readPoints(rank: Int, into: DoubleArray, at: Int) {
        if (keypoints != null) return keypoints.read(scores.place(rank), into, at)
        boxNumbers.copyInto(into, at, 4 * rank, 4 * rank + 4) // two corners
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
            val grid = Grid.of(settings, axes)
            val hasKeypoints = settings.has("keypoints.outputs")
            if (!hasKeypoints && settings.keypointCount != 2) {
                throw settings.wrong("keypoints.outputs", "names, or the 2 keypoints that are corners of a box")
            }
            return DetectionsDecoder(
                axes = axes,
                grid = grid,
                scores = CandidateScores.of(settings, axes),
                boxes = CandidateBoxes.of(settings, axes, grid),
                keypoints = if (hasKeypoints) CandidateKeypoints.of(settings, axes, grid) else null,
                nms = Nms.of(settings),
                keypointCount = settings.keypointCount,
            )
        }
    }
}
