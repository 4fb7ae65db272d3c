// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.floor
import kotlin.math.ln
import kotlin.math.max
import kotlin.math.min
import kotlin.math.pow

/** Who of the candidates is a person, and how surely: [find] writes them down, the surest first. */
internal class CandidateScores(
    private val scores: Role,
    private val objectness: Role?,
    private val classes: Role?,
    private val person: Int,
    private val chance: Chance,
    private val objectnessChance: Chance,
    private val least: Double,
) {
    val roles: List<Role> = listOfNotNull(scores, objectness, classes)
    private val channel = if (classes == null) person else 0

    /** How many candidates the outputs hold, people or not. */
    val count: Int get() = scores.places

    private var places = IntArray(0)
    private var confidences = DoubleArray(0)
    private var order = IntArray(0)
    private var scratch = IntArray(0)

    /** No raw score below this one can become more than [least]; the few above are computed. */
    private val floor: Double = chance.floor(least, isAlone = objectness == null)

    /** How many candidates are people with a confidence above [least]; of equal ones the first stays the first. */
    fun find(): Int {
        reserve(scores.places)
        var found = 0
        scores.forEachFrom(floor, channel) { place, value ->
            val confidence = confidence(place, value)
            if (confidence > least && isPerson(place)) {
                places[found] = place
                confidences[found] = confidence
                order[found] = found
                found++
            }
        }
        sortByFalling(order, confidences, found, scratch)
        return found
    }

    /** Place among all candidates of the one that is [rank]th of those found. */
    fun place(rank: Int): Int = places[order[rank]]

    fun confidence(rank: Int): Double = confidences[order[rank]]

    private fun confidence(place: Int, value: Float): Double {
        val confidence = chance.of(value)
        return if (objectness == null) confidence else confidence * objectnessChance.of(objectness.at(place, 0))
    }

    /** Of equal classes the first is the best. */
    private fun isPerson(place: Int): Boolean {
        if (classes != null) return floor(classes.at(place, 0) + 0.5) == person.toDouble()
        val value = scores.at(place, person)
        for (other in 0 until scores.count) {
            val rival = scores.at(place, other)
            if (rival > value || (rival == value && other < person)) return false
        }
        return true
    }

    private fun reserve(count: Int) {
        if (places.size >= count) return
        places = IntArray(count)
        confidences = DoubleArray(count)
        order = IntArray(count)
        scratch = IntArray(count)
    }

    companion object {
        fun of(settings: DecoderSettings, axes: Axes): CandidateScores {
            val count = settings.positive("scores.count")
            val saysClass = settings.has("scores.class_channel")
            val objectness = "scores.objectness"
            return CandidateScores(
                scores = Role.of(settings, "scores", count, axes),
                objectness = if (settings.has("$objectness.channel")) {
                    Role.of(settings, objectness, 1, axes, first = "channel")
                } else {
                    null
                },
                classes = if (saysClass) Role.of(settings, "scores", 1, axes, first = "class_channel") else null,
                person = settings.channel("scores.person").also {
                    if (!saysClass && it >= count) throw settings.wrong("scores.person", "a class of $count, from 0 on")
                },
                chance = Chance.of(settings, "scores.power"),
                objectnessChance = Chance.of(settings, "$objectness.power"),
                least = settings.number("min_confidence").also {
                    if (!(it >= 0 && it < 1)) throw settings.wrong("min_confidence", "a number from 0 to below 1")
                },
            )
        }
    }
}

/** What a raw score is worth: within -[clip] and [clip], a sigmoid of it where it is a logit, raised to [power]. */
internal class Chance private constructor(
    private val activation: ScoreActivation,
    private val clip: Double?,
    private val power: Double?,
) {
    fun of(raw: Float): Double {
        val inside = clip?.let { raw.toDouble().coerceIn(-it, it) } ?: raw.toDouble()
        val chance = activation.of(inside)
        return power?.let { max(chance, 0.0).pow(it) } ?: chance
    }

    /** No raw score below it can become more than [least]. [isAlone]: it is multiplied with nothing. */
    fun floor(least: Double, isAlone: Boolean): Double {
        val found = when {
            power != null -> Double.NEGATIVE_INFINITY
            activation == ScoreActivation.SIGMOID -> logit(least - 1e-9)
            isAlone -> least
            else -> Double.NEGATIVE_INFINITY // what it is multiplied with may be more than 1
        }
        return if (clip != null && found < -clip) Double.NEGATIVE_INFINITY else found
    }

    companion object {
        fun of(settings: DecoderSettings, power: String): Chance = Chance(
            activation = settings.choice("scores.activation"),
            clip = if (settings.has("scores.clip")) settings.above0("scores.clip") else null,
            power = if (settings.has(power)) settings.above0(power) else null,
        )

        private fun DecoderSettings.above0(name: String): Double =
            number(name).also { if (!(it > 0)) throw wrong(name, "a number above 0") }
    }
}

/** What [sigmoid] makes [score] of. */
private fun logit(score: Double): Double = if (score > 0) ln(score / (1 - score)) else Double.NEGATIVE_INFINITY

/** Sorts the first [count] of [order] by falling [keys], equal ones as they stand; [scratch] is as long. */
internal fun sortByFalling(order: IntArray, keys: DoubleArray, count: Int, scratch: IntArray) {
    var from = order
    var to = scratch
    var width = 1
    while (width < count) {
        for (start in 0 until count step 2 * width) {
            val middle = min(start + width, count)
            val end = min(start + 2 * width, count)
            var left = start
            var right = middle
            for (at in start until end) {
                val takesLeft = left < middle && (right == end || keys[from[left]] >= keys[from[right]])
                to[at] = from[if (takesLeft) left++ else right++]
            }
        }
        from = to.also { to = from }
        width *= 2
    }
    if (from !== order) from.copyInto(order, 0, 0, count)
}
