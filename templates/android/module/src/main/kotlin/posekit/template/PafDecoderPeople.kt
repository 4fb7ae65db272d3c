// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.max

/** A person as it grows: a peak a keypoint, [ABSENT] where there is none, how many were counted, the sum of scores. */
internal class PafPerson(keypointCount: Int) {
    val peaks: IntArray = IntArray(keypointCount) { ABSENT }
    var parts: Int = 0
        private set
    var score: Double = 0.0
        private set

    fun put(keypoint: Int, peak: Int, more: Double) {
        peaks[keypoint] = peak
        parts++
        score += more
    }

    /** Whether both have a peak of the same keypoint. */
    fun shares(other: PafPerson): Boolean = peaks.indices.any { peaks[it] != ABSENT && other.peaks[it] != ABSENT }

    fun take(other: PafPerson, limb: Double) {
        for (keypoint in peaks.indices) {
            if (other.peaks[keypoint] != ABSENT) peaks[keypoint] = other.peaks[keypoint]
        }
        parts += other.parts
        score += other.score + limb
    }

    companion object {
        /** No peak: the first peak of all is a peak like another. */
        const val ABSENT = -1
    }
}

/** People made of limbs, pair by pair. */
internal class PafGrouping private constructor(
    private val pairs: IntArray,
    private val kind: Kind,
    private val closing: Int,
    private val minParts: Int,
    private val minScore: Double,
    private val confidence: Confidence,
) {
    /** MERGE joins two people whom a limb connects; EXTEND looks at a limb's first end alone. */
    enum class Kind { MERGE, EXTEND }

    /** The score a keypoint, or the sum of scores times the keypoints less one. */
    enum class Confidence { MEAN, WEIGHTED }

    fun confidence(person: PafPerson): Double = when (confidence) {
        Confidence.MEAN -> person.score / max(person.parts, 1)
        Confidence.WEIGHTED -> person.score * max(person.parts - 1, 0)
    }

    /** Everybody whom the limbs make up, in the order in which they began. */
    fun people(limbs: List<List<PafLimb>>, peaks: PafPeaks): List<PafPerson> {
        val people = ArrayList<PafPerson>()
        for (pair in limbs.indices) {
            val first = pairs[2 * pair]
            val second = pairs[2 * pair + 1]
            val isClosing = pair >= limbs.size - closing
            for (limb in limbs[pair]) {
                val isHeld = when {
                    kind == Kind.MERGE -> merge(people, limb, first, second, peaks)
                    isClosing -> close(people, limb, first, second)
                    else -> extend(people, limb, first, second, peaks)
                }
                if (!isHeld && !isClosing) {
                    val person = PafPerson(peaks.keypointCount)
                    person.put(first, limb.from, peaks.scores[limb.from])
                    person.put(second, limb.to, peaks.scores[limb.to] + limb.score)
                    people += person
                }
            }
        }
        if (minParts == 1) addSingles(people, peaks)
        return people.filter { it.parts >= minParts && it.score / max(it.parts, 1) >= minScore }
    }

    /** A peak that no limb holds may be somebody. */
    private fun addSingles(people: MutableList<PafPerson>, peaks: PafPeaks) {
        val held = BooleanArray(peaks.size)
        for (person in people) for (peak in person.peaks) if (peak != PafPerson.ABSENT) held[peak] = true
        for (keypoint in 0 until peaks.keypointCount) {
            for (peak in peaks.of(keypoint)) {
                if (held[peak]) continue
                people += PafPerson(peaks.keypointCount).also { it.put(keypoint, peak, peaks.scores[peak]) }
            }
        }
    }

    /** Gives everybody who has the limb's first end the second; whether there is anybody. */
    private fun extend(people: List<PafPerson>, limb: PafLimb, first: Int, second: Int, peaks: PafPeaks): Boolean {
        var isHeld = false
        for (person in people) {
            if (person.peaks[first] != limb.from) continue
            person.put(second, limb.to, peaks.scores[limb.to] + limb.score)
            isHeld = true
        }
        return isHeld
    }

    /** Fills either end where the other is held and it is free, and counts nothing. */
    private fun close(people: List<PafPerson>, limb: PafLimb, first: Int, second: Int): Boolean {
        for (person in people) {
            val own = person.peaks
            val hasFirst = own[first] == limb.from
            val hasSecond = own[second] == limb.to
            if (hasFirst && own[second] == PafPerson.ABSENT) own[second] = limb.to
            if (hasSecond && own[first] == PafPerson.ABSENT) own[first] = limb.from
        }
        return true
    }

    /** Adds the limb to the one person who has an end of it, or makes two one who share no keypoint. */
    private fun merge(people: MutableList<PafPerson>, limb: PafLimb, first: Int, second: Int, peaks: PafPeaks): Boolean {
        val holders = people.filter { it.peaks[first] == limb.from || it.peaks[second] == limb.to }
        if (holders.size == 2 && !holders[0].shares(holders[1])) {
            holders[0].take(holders[1], limb.score)
            people.remove(holders[1])
            return true
        }
        if (holders.size in 1..2 && holders[0].peaks[second] != limb.to) {
            holders[0].put(second, limb.to, peaks.scores[limb.to] + limb.score)
        }
        return holders.isNotEmpty()
    }

    companion object {
        fun of(settings: DecoderSettings, pairs: IntArray): PafGrouping = PafGrouping(
            pairs = pairs,
            kind = settings.choice("grouping.kind"),
            closing = settings.atLeast("grouping.closing", 0),
            minParts = settings.atLeast("grouping.min_parts", 1),
            minScore = settings.number("grouping.min_score"),
            confidence = settings.choice("grouping.confidence"),
        )
    }
}
