// SPDX-License-Identifier: Apache-2.0

package posekit.template

/** A person: places in cells, scores, and a confidence. */
internal class FoundPerson(val x: DoubleArray, val y: DoubleArray, val scores: DoubleArray, val confidence: Double) {
    fun surer(confidence: Double): FoundPerson = FoundPerson(x, y, scores, confidence)
}

/** A tree of edges between keypoints, along which a person is built by displacements and offsets. */
internal class PosenetDecoderTree private constructor(
    private val fields: PosenetDecoderFields,
    private val grouping: PosenetDecoderPeople.Grouping,
    private val neighbours: List<List<Neighbour>>,
    private val refinements: Int,
) {
    /** Where an edge leads from a keypoint, and which displacement does. */
    private class Neighbour(val keypoint: Int, val edge: Int, val isForward: Boolean)

    private val count get() = fields.keypointCount

    /** A person from its root, edge after edge. */
    fun built(root: Int, startX: Double, startY: Double, heat: Double): FoundPerson {
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
                    PosenetDecoderPeople.Grouping.NEAREST -> reachNearest(person, source, neighbour)
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
            grouping: PosenetDecoderPeople.Grouping,
        ): PosenetDecoderTree {
            val parents = keypoints(settings, "parents")
            val children = keypoints(settings, "children")
            if (children.size != parents.size) throw settings.wrong("children", "as many as parents: ${parents.size}")
            val neighbours = List(settings.keypointCount) { keypoint ->
                val forward = parents.indices.filter { parents[it] == keypoint }
                val backward = parents.indices.filter { children[it] == keypoint }
                forward.map { Neighbour(children[it], it, isForward = true) } +
                    backward.map { Neighbour(parents[it], it, isForward = false) }
            }
            return PosenetDecoderTree(fields, grouping, neighbours, settings.integer("refinements"))
        }

        private fun keypoints(settings: DecoderSettings, name: String): List<Int> {
            val count = settings.keypointCount
            return settings.integers(name).also { all ->
                if (!all.all { it in 0 until count }) throw settings.wrong(name, "keypoints of $count, counted from 0")
            }
        }
    }
}
