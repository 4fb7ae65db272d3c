// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.max
import kotlin.math.min
import kotlin.math.round
import kotlin.math.sqrt

/** A person as peaks are put together: [peaks] by keypoint, and the sum of the tags that count. */
internal class TagPerson(val key: Double, keypointCount: Int, private val dimensions: Int) {
    val peaks: Array<TagPeak?> = arrayOfNulls(keypointCount)
    private var total = DoubleArray(dimensions)
    private var count = 0

    /** Forgets earlier tags, not their peaks. */
    fun restart() {
        total = DoubleArray(dimensions)
        count = 0
    }

    fun join(keypoint: Int, peak: TagPeak) {
        peaks[keypoint] = peak
        for (d in total.indices) total[d] += peak.tag[d]
        count++
    }

    /** Euclidean, from the mean of the tags so far. */
    fun distance(tag: DoubleArray): Double {
        var squared = 0.0
        for (d in total.indices) squared += (tag[d] - total[d] / count) * (tag[d] - total[d] / count)
        return sqrt(squared)
    }

    /** The mean score of all keypoints, a missing one as 0. */
    fun confidence(): Double {
        var sum = 0.0
        for (peak in peaks) sum += peak?.score ?: 0.0
        return sum / peaks.size
    }

    /** The mean tag of all peaks, in the order of the keypoints. */
    fun meanTag(): DoubleArray {
        val found = peaks.filterNotNull()
        val mean = DoubleArray(dimensions)
        for (peak in found) for (d in mean.indices) mean[d] += peak.tag[d]
        for (d in mean.indices) mean[d] /= found.size.toDouble()
        return mean
    }
}

/**
 * Peaks to people by their tags: keypoint by keypoint, peaks are assigned to people whose mean tag is near.
 *
 * Costs are whole distances, so that many assignments cost the same; [assigned] says which one counts.
 */
internal class TagGroups private constructor(
    private val threshold: Double,
    private val mostPeople: Int,
    private val beyond: Beyond,
    private val sameTag: SameTag,
    private val order: List<Int>,
) {
    /** What becomes of more than [mostPeople]: they stay, are left out, or grouping ends there. */
    enum class Beyond { STAY, DROP, STOP }

    /** Whether a new person whose first tag is exactly another one's is that person. */
    enum class SameTag { SAME, ANOTHER }

    /** The people as they are started; [peaks] are those of each keypoint. */
    fun group(peaks: List<List<TagPeak>>): List<TagPerson> {
        val people = ArrayList<TagPerson>()
        for (keypoint in order) {
            val own = peaks[keypoint]
            if (own.isEmpty() || (beyond == Beyond.STOP && people.size >= mostPeople)) continue
            val joined = people.take(mostPeople)
            val partners = partners(own, joined)
            for ((row, peak) in own.withIndex()) {
                (partners[row] ?: start(people, peak, peaks.size)).join(keypoint, peak)
            }
        }
        return if (beyond == Beyond.DROP) people.take(mostPeople) else people
    }

    private fun start(people: MutableList<TagPerson>, peak: TagPeak, keypointCount: Int): TagPerson {
        if (sameTag == SameTag.SAME) people.find { it.key == peak.tag[0] }?.let { return it.also(TagPerson::restart) }
        return TagPerson(peak.tag[0], keypointCount, peak.tag.size).also(people::add)
    }

    private fun partners(own: List<TagPeak>, people: List<TagPerson>): List<TagPerson?> {
        if (people.isEmpty()) return List(own.size) { null }
        val distances = own.map { peak -> DoubleArray(people.size) { people[it].distance(peak.tag) } }
        // round takes halves to even
        val columns = assigned(own.size, people.size) { row, other -> round(min(distances[row][other], FAR)).toLong() }
        return columns.mapIndexed { row, column ->
            if (column < people.size && distances[row][column] < threshold) people[column] else null
        }
    }

    companion object {
        /** Tags further apart than that are as far as they can be. */
        private const val FAR = 1e6

        fun of(settings: DecoderSettings, order: List<Int>): TagGroups {
            val mostPeople = settings.integer("groups.most_people")
            if (mostPeople < 1) throw settings.wrong("groups.most_people", "a number above 0")
            return TagGroups(
                threshold = settings.number("groups.threshold"),
                mostPeople = mostPeople,
                beyond = settings.choice("groups.beyond"),
                sameTag = settings.choice("groups.same_tag"),
                order = order,
            )
        }
    }
}

/**
 * The column of each row so that the sum of [cost] is least; rows beyond the columns get numbers from [columns] on.
 *
 * Of several such assignments the one counts in which the first row has the lowest column, then the second, and so on.
 */
internal fun assigned(rows: Int, columns: Int, cost: (Int, Int) -> Long): IntArray {
    // rows and columns that fill up to a square cost nothing: how many of them are assigned is always the same
    val size = max(rows, columns)
    val costs = Array(size) { r -> LongArray(size) { c -> if (r < rows && c < columns) cost(r, c) else 0L } }
    return Assignment(costs).earliest(rows)
}

/** An assignment of least total, found by shortest augmenting paths, and what may be changed in it at no cost. */
private class Assignment(private val costs: Array<LongArray>) {
    private val size = costs.size
    private val ofRow = LongArray(size + 1)
    private val ofColumn = LongArray(size + 1)
    private val owner = IntArray(size + 1) // of each column; place 0 is the row that has none yet

    init {
        for (row in 1..size) add(row)
    }

    private fun add(row: Int) {
        val slack = LongArray(size + 1) { Long.MAX_VALUE }
        val before = IntArray(size + 1)
        val seen = BooleanArray(size + 1)
        owner[0] = row
        var column = 0
        while (owner[column] != 0) {
            seen[column] = true
            val current = owner[column]
            var step = Long.MAX_VALUE
            var following = 0
            for (other in 1..size) {
                if (seen[other]) continue
                val cost = costs[current - 1][other - 1] - ofRow[current] - ofColumn[other]
                if (cost < slack[other]) {
                    slack[other] = cost
                    before[other] = column
                }
                if (slack[other] < step) {
                    step = slack[other]
                    following = other
                }
            }
            for (other in 0..size) {
                if (seen[other]) {
                    ofRow[owner[other]] += step
                    ofColumn[other] -= step
                } else {
                    slack[other] -= step
                }
            }
            column = following
        }
        while (column != 0) {
            owner[column] = owner[before[column]]
            column = before[column]
        }
    }

    private fun isTight(row: Int, column: Int): Boolean = costs[row - 1][column - 1] == ofRow[row] + ofColumn[column]

    /** The lowest column for each row in turn that leaves the others a column at no cost. */
    fun earliest(rows: Int): IntArray {
        val closed = BooleanArray(size + 1)
        return IntArray(rows) { at ->
            val row = at + 1
            val column = (1..size).first { candidate ->
                isTight(row, candidate) && !closed[candidate] && takes(row, candidate, closed)
            }
            owner[column] = row
            closed[column] = true
            column - 1
        }
    }

    /** Whether whoever owns [column] finds another one, which [row] or others give up. */
    private fun takes(row: Int, column: Int, closed: BooleanArray): Boolean {
        val seen = closed.copyOf().also { it[column] = true }
        return owner[column] == row || moves(owner[column], row, seen)
    }

    private fun moves(row: Int, givenUpBy: Int, seen: BooleanArray): Boolean {
        for (column in 1..size) {
            if (seen[column] || !isTight(row, column)) continue
            seen[column] = true
            if (owner[column] == givenUpBy || moves(owner[column], givenUpBy, seen)) {
                owner[column] = row
                return true
            }
        }
        return false
    }
}
