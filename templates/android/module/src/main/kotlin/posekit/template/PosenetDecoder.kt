// SPDX-License-Identifier: Apache-2.0

package posekit.template

import posekit.template.PosenetDecoderPeople.Grouping

/**
 * PoseNet's and BodyPix's heads: heatmaps, offsets to the keypoints, and displacements along the edges of a tree.
 *
 * Source: Papandreou et al. 2018, "PersonLab".
 */
internal class PosenetDecoder private constructor(
    private val fields: PosenetDecoderFields,
    private val people: PosenetDecoderPeople,
    private val stride: Int,
) : Decoder {
    override val outputNames: List<String> = MapRole.outputsOf(fields.roles)

    override fun decode(outputs: Map<String, Tensor>): List<Person> {
        fields.bind(outputs)
        return people.find().map(::person)
    }

    /** The box is the extent of all keypoints. */
    private fun person(found: FoundPerson): Person {
        val count = found.scores.size
        val coordinates = DoubleArray(2 * count) { (if (it % 2 == 0) found.x[it / 2] else found.y[it / 2]) * stride }
        val all = 0 until count
        val box = Box(
            left = all.minOf { coordinates[2 * it] },
            top = all.minOf { coordinates[2 * it + 1] },
            right = all.maxOf { coordinates[2 * it] },
            bottom = all.maxOf { coordinates[2 * it + 1] },
        )
        return Person(coordinates, found.scores, found.confidence, box)
    }

    companion object {
        fun of(settings: DecoderSettings): PosenetDecoder {
            val stride = settings.integer("stride")
            if (stride < 1) throw settings.wrong("stride", "an integer above 0")
            val grouping = settings.choice<Grouping>("grouping")
            val fields = PosenetDecoderFields.of(settings, stride, grouping != Grouping.ONE)
            return PosenetDecoder(fields, PosenetDecoderPeople.of(settings, fields, stride, grouping), stride)
        }
    }
}
