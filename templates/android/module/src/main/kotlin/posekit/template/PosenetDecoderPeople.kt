// SPDX-License-Identifier: Apache-2.0

package posekit.template

/**
 * People of heatmaps, offsets and displacements: one, or several from roots along a tree of edges.
 *
 * A root is a cell whose heat no cell about it exceeds. From the surest root on, unless a person has that keypoint
 * nearby, a person is built, edge after edge. Of equal roots the first in row order comes first, then the lowest
 * keypoint.
 */
internal class PosenetDecoderPeople private constructor(
    private val fields: PosenetDecoderFields,
    private val grouping: Grouping,
    private val tree: PosenetDecoderTree,
    private val peakRadius: Int,
    private val minRootScore: Double,
    private val radius: Double,
    private val minConfidence: Double,
    private val maxPeople: Int,
) {
    /**
     * ONE: the cell with the most heat of each keypoint. NEAREST: places are looked up at their nearest cells, as in
     * TensorFlow.js. BILINEAR: between the cells, as in Coral's library.
     */
    enum class Grouping { ONE, NEAREST, BILINEAR }

    private class Root(val heat: Double, val keypoint: Int, val x: Int, val y: Int)

    private val count get() = fields.keypointCount

    /** Who is in the maps, the most confident first; equal ones in the order in which they were found. */
    fun find(): List<FoundPerson> {
        if (grouping == Grouping.ONE) return listOf(one())
        var found = mutableListOf<FoundPerson>()
        for (root in roots()) {
            if (found.size == maxPeople) break
            val x = root.x + fields.offsetX(root.x, root.y, root.keypoint)
            val y = root.y + fields.offsetY(root.x, root.y, root.keypoint)
            if (isTaken(x, y, root.keypoint, found, found.size)) continue
            if (grouping == Grouping.NEAREST) {
                val person = tree.built(root.keypoint, x, y, root.heat)
                found += person.surer(own(person, found, found.size))
            } else {
                val startX = fields.withinX(x)
                val startY = fields.withinY(y)
                val person = tree.built(root.keypoint, startX, startY, fields.heatBetween(startX, startY, root.keypoint))
                if (person.confidence >= minConfidence) found += person
            }
        }
        if (grouping == Grouping.BILINEAR) {
            found.sortByDescending { it.confidence }
            found = found.mapIndexedTo(mutableListOf()) { place, person -> person.surer(own(person, found, place)) }
        }
        return found.filter { it.confidence >= minConfidence }.sortedByDescending { it.confidence }
    }

    private fun one(): FoundPerson {
        val x = DoubleArray(count)
        val y = DoubleArray(count)
        val scores = DoubleArray(count)
        for (keypoint in 0 until count) {
            var bestX = 0
            var bestY = 0
            var most = fields.heat.at(0, 0, keypoint)
            for (row in 0 until fields.height) {
                for (column in 0 until fields.width) {
                    val heat = fields.heat.at(column, row, keypoint)
                    if (heat > most) {
                        most = heat
                        bestX = column
                        bestY = row
                    }
                }
            }
            x[keypoint] = bestX + fields.offsetX(bestX, bestY, keypoint)
            y[keypoint] = bestY + fields.offsetY(bestX, bestY, keypoint)
            scores[keypoint] = fields.score(most)
        }
        return FoundPerson(x, y, scores, scores.sum() / count)
    }

    /** Every root, the most heat first. */
    private fun roots(): List<Root> {
        val found = mutableListOf<Root>()
        for (y in 0 until fields.height) {
            for (x in 0 until fields.width) {
                for (keypoint in 0 until count) {
                    val heat = fields.heat.at(x, y, keypoint)
                    if (isPeak(heat, x, y, keypoint) && fields.score(heat) >= minRootScore) {
                        found += Root(heat + 0.0, keypoint, x, y) // -0 is 0, which sorting would tell apart
                    }
                }
            }
        }
        found.sortByDescending { it.heat }
        return found
    }

    private fun isPeak(heat: Double, x: Int, y: Int, keypoint: Int): Boolean {
        for (row in maxOf(y - peakRadius, 0)..minOf(y + peakRadius, fields.height - 1)) {
            for (column in maxOf(x - peakRadius, 0)..minOf(x + peakRadius, fields.width - 1)) {
                if (fields.heat.at(column, row, keypoint) > heat) return false
            }
        }
        return true
    }

    /** Whether one of the first [most] of [others] has that keypoint nearby; with a radius of 0 none has. */
    private fun isTaken(x: Double, y: Double, keypoint: Int, others: List<FoundPerson>, most: Int): Boolean {
        for (place in 0 until most) {
            val dx = x - others[place].x[keypoint]
            val dy = y - others[place].y[keypoint]
            if (radius > 0 && dx * dx + dy * dy <= radius * radius) return true
        }
        return false
    }

    /** Mean score, where keypoints that the first [most] of [others] have nearby count 0. */
    private fun own(person: FoundPerson, others: List<FoundPerson>, most: Int): Double {
        var own = 0.0
        for (keypoint in 0 until count) {
            if (!isTaken(person.x[keypoint], person.y[keypoint], keypoint, others, most)) own += person.scores[keypoint]
        }
        return own / count
    }

    companion object {
        fun of(
            settings: DecoderSettings,
            fields: PosenetDecoderFields,
            stride: Int,
            grouping: Grouping,
        ): PosenetDecoderPeople {
            return PosenetDecoderPeople(
                fields = fields,
                grouping = grouping,
                tree = PosenetDecoderTree.of(settings, fields, grouping),
                peakRadius = settings.integer("peak_radius"),
                minRootScore = settings.number("min_root_score"),
                radius = settings.number("radius_px") / stride,
                minConfidence = settings.number("min_confidence"),
                maxPeople = settings.integer("max_people"),
            )
        }
    }
}
