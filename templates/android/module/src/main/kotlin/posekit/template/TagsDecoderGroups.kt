// SPDX-License-Identifier: Apache-2.0

package posekit.template

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
