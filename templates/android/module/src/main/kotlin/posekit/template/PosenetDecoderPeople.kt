// SPDX-License-Identifier: Apache-2.0

package posekit.template

/** A person: places in cells, scores, and a confidence. */
internal class FoundPerson(val x: DoubleArray, val y: DoubleArray, val scores: DoubleArray, val confidence: Double) {
    fun surer(confidence: Double): FoundPerson = FoundPerson(x, y, scores, confidence)
}

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
    private val neighbours: List<List<Neighbour>>,
    private val peakRadius: Int,
    private val minRootScore: Double,
    private val radius: Double,
    private val refinements: Int,
    private val minConfidence: Double,
    private val maxPeople: Int,
) {
    /**
     * ONE: the cell with the most heat of each keypoint. NEAREST: places are looked up at their nearest cells, as in
     * TensorFlow.js. BILINEAR: between the cells, as in Coral's library.
     */
    enum class Grouping { ONE, NEAREST, BILINEAR }

    /** Where an edge leads from a keypoint, and which displacement does. */
    private class Neighbour(val keypoint: Int, val edge: Int, val isForward: Boolean)

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
                val person = built(root.keypoint, x, y, root.heat)
                found += person.surer(own(person, found, found.size))
            } else {
                val startX = fields.withinX(x)
                val startY = fields.withinY(y)
                val person = built(root.keypoint, startX, startY, fields.heatBetween(startX, startY, root.keypoint))
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

    /** A person from its root, edge after edge. */
    private fun built(root: Int, startX: Double, startY: Double, heat: Double): FoundPerson {
        val person = FoundPerson(DoubleArray(count), DoubleArray(count), DoubleArray(count), 0.0)
        person.x[root] = startX
        person.y[root] = startY
        person.scores[root] = fields.score(heat)
        val known = BooleanArray(count).also { it[root] = true }
        val order = mutableListOf(root)
        var next = 0
        while (next < order.size) {
            val source = order[next++]
            for (neighbour in neighbours[source]) {
                if (known[neighbour.keypoint]) continue
                known[neighbour.keypoint] = true
                order += neighbour.keypoint
                when (grouping) {
                    Grouping.NEAREST -> reachNearest(person, source, neighbour)
                    else -> reach(person, source, neighbour)
                }
            }
        }
        return person.surer(person.scores.sum() / count)
    }

    /** Puts a neighbour of [source] where the nearest cells say. */
    private fun reachNearest(person: FoundPerson, source: Int, to: Neighbour) {
        var column = fields.nearestX(person.x[source])
        var row = fields.nearestY(person.y[source])
        var x = person.x[source] + fields.moveX(column, row, to.edge, to.isForward)
        var y = person.y[source] + fields.moveY(column, row, to.edge, to.isForward)
        repeat(refinements) {
            column = fields.nearestX(x)
            row = fields.nearestY(y)
            x = column + fields.offsetX(column, row, to.keypoint)
            y = row + fields.offsetY(column, row, to.keypoint)
        }
        person.x[to.keypoint] = x
        person.y[to.keypoint] = y
        person.scores[to.keypoint] = fields.score(fields.heat.at(fields.nearestX(x), fields.nearestY(y), to.keypoint))
    }

    /** Puts a neighbour of [source] where the maps say between their cells. */
    private fun reach(person: FoundPerson, source: Int, to: Neighbour) {
        val fromX = person.x[source]
        val fromY = person.y[source]
        var x = fields.withinX(fromX + fields.moveXBetween(fromX, fromY, to.edge, to.isForward))
        var y = fields.withinY(fromY + fields.moveYBetween(fromX, fromY, to.edge, to.isForward))
        repeat(refinements) {
            val nextX = fields.withinX(x + fields.offsetXBetween(x, y, to.keypoint))
            y = fields.withinY(y + fields.offsetYBetween(x, y, to.keypoint))
            x = nextX
        }
        person.x[to.keypoint] = x
        person.y[to.keypoint] = y
        person.scores[to.keypoint] = fields.score(fields.heatBetween(x, y, to.keypoint))
    }

    companion object {
        fun of(
            settings: DecoderSettings,
            fields: PosenetDecoderFields,
            stride: Int,
            grouping: Grouping,
        ): PosenetDecoderPeople {
            val parents = keypoints(settings, "parents")
            val children = keypoints(settings, "children")
            if (children.size != parents.size) throw settings.wrong("children", "as many as parents: ${parents.size}")
            val neighbours = List(settings.keypointCount) { keypoint ->
                val forward = parents.indices.filter { parents[it] == keypoint }
                val backward = parents.indices.filter { children[it] == keypoint }
                forward.map { Neighbour(children[it], it, isForward = true) } +
                    backward.map { Neighbour(parents[it], it, isForward = false) }
            }
            return PosenetDecoderPeople(
                fields = fields,
                grouping = grouping,
                neighbours = neighbours,
                peakRadius = settings.integer("peak_radius"),
                minRootScore = settings.number("min_root_score"),
                radius = settings.number("radius_px") / stride,
                refinements = settings.integer("refinements"),
                minConfidence = settings.number("min_confidence"),
                maxPeople = settings.integer("max_people"),
            )
        }

        private fun keypoints(settings: DecoderSettings, name: String): List<Int> {
            val count = settings.keypointCount
            return settings.integers(name).also { all ->
                if (!all.all { it in 0 until count }) throw settings.wrong(name, "keypoints of $count, counted from 0")
            }
        }
    }
}
