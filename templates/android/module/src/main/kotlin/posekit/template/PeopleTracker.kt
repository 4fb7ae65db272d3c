// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.exp
import kotlin.math.max
import kotlin.math.min

/**
 * What makes two poses one person's.
 *
 * @property usualMinimum from how much likeness on they are, unless the app says otherwise.
 */
public enum class Similarity(public val usualMinimum: Double) {
    /** Object keypoint similarity of the keypoints that are sure in both. */
    OKS(0.2),

    /** Intersection over union of the boxes. */
    IOU(0.15),
}

/**
 * Gives every person an id that stays the same from frame to frame.
 *
 * A person takes the id of the most similar track that nobody before took, of equal ones the smallest. Make one with
 * the generated class's `peopleTracker()`. Not for use by two threads. Source of the rules: the trackers of
 * TensorFlow.js' pose detection.
 *
 * @property minScore a keypoint is sure from this score on; [Similarity.OKS] looks at sure ones only.
 * @property minSimilarity somebody less like every track than this is somebody new.
 * @property maxAgeSeconds for how long somebody who is not seen is remembered.
 * @property maxTracks how many people are remembered; who was seen longest ago is forgotten first.
 */
public class PeopleTracker internal constructor(
    private val sigmas: DoubleArray,
    public val similarity: Similarity = Similarity.OKS,
    public val minScore: Double = 0.3,
    public val minSimilarity: Double = similarity.usualMinimum,
    public val maxAgeSeconds: Double = 1.0,
    public val maxTracks: Int = 18,
) {
    private class Track(val id: Int, val pose: Pose, val timeSeconds: Double)

    private var tracks = emptyList<Track>() // by id
    private var nextId = 1

    /**
     * The id of each of [poses], whose first ones choose first; where time goes back everybody is new.
     *
     * @throws IllegalArgumentException where the boxes are to be compared and a pose has none.
     */
    public fun update(poses: List<Pose>, timeSeconds: Double): List<Int> {
        require(similarity == Similarity.OKS || poses.all { it.box != null }) { "a pose has no box to compare" }
        if (tracks.any { it.timeSeconds > timeSeconds }) reset()
        val free = tracks.filterTo(ArrayList()) { timeSeconds - it.timeSeconds <= maxAgeSeconds }
        val seen = poses.map { pose ->
            val known = mostSimilar(pose, free)
            free.remove(known)
            Track(known?.id ?: nextId++, pose, timeSeconds)
        }
        val newestFirst = compareByDescending<Track> { it.timeSeconds }.thenBy { it.id }
        tracks = (free + seen).sortedWith(newestFirst).take(maxTracks).sortedBy { it.id }
        return seen.map { it.id }
    }

    /** Forget everybody, as after switching cameras. */
    public fun reset() {
        tracks = emptyList()
    }

    private fun mostSimilar(pose: Pose, free: List<Track>): Track? {
        var best = minSimilarity
        var found: Track? = null
        for (track in free) {
            val alike = if (similarity == Similarity.OKS) oks(pose, track.pose, sigmas, minScore) else iou(pose.box, track.pose.box)
            if (alike > best || (alike == best && found == null)) {
                best = alike
                found = track
            }
        }
        return found
    }
}

/** How alike [pose] is to [other], over the keypoints that are sure in both; 0 where those are too few. */
internal fun oks(pose: Pose, other: Pose, sigmas: DoubleArray, minScore: Double): Double {
    var left = Double.POSITIVE_INFINITY
    var top = Double.POSITIVE_INFINITY
    var right = Double.NEGATIVE_INFINITY
    var bottom = Double.NEGATIVE_INFINITY
    var both = 0
    for (k in 0 until other.count) {
        if (!(other.scores[k] >= minScore)) continue
        left = min(left, other.x(k))
        right = max(right, other.x(k))
        top = min(top, other.y(k))
        bottom = max(bottom, other.y(k))
        if (pose.scores[k] >= minScore) both++
    }
    if (both < min(MIN_KEYPOINTS, other.count)) return 0.0
    val area = (right - left) * (bottom - top) + 1e-6
    var sum = 0.0
    for (k in 0 until other.count) {
        if (!(other.scores[k] >= minScore && pose.scores[k] >= minScore)) continue
        val dx = pose.x(k) - other.x(k)
        val dy = pose.y(k) - other.y(k)
        val spread = 2 * sigmas[k]
        sum += exp(-(dx * dx + dy * dy) / (2 * area * (spread * spread)))
    }
    return sum / both
}

/** Intersection over union of two boxes; 0 where both are empty. */
internal fun iou(one: Box?, other: Box?): Double {
    if (one == null || other == null) return 0.0
    val width = min(one.right, other.right) - max(one.left, other.left)
    val height = min(one.bottom, other.bottom) - max(one.top, other.top)
    val shared = max(width, 0.0) * max(height, 0.0)
    return shared / max(area(one) + area(other) - shared, 1e-12)
}

private fun area(box: Box): Double = max(box.right - box.left, 0.0) * max(box.bottom - box.top, 0.0)

/**
 * A [OneEuroFilter] for each tracked person, forgotten after [maxAgeSeconds] without them.
 *
 * Not for use by two threads.
 */
public class PeopleSmoother(
    public val minCutoff: Double = 1.0,
    public val beta: Double = 0.01,
    public val derivativeCutoff: Double = 1.0,
    public val maxAgeSeconds: Double = 1.0,
) {
    private class Smoothed(val filter: OneEuroFilter, var timeSeconds: Double)

    private val people = HashMap<Int, Smoothed>()

    /** [poses] smoothed, each as the person whose id stands at its place in [ids]: those of [PeopleTracker.update]. */
    public fun smooth(ids: List<Int>, poses: List<Pose>, timeSeconds: Double): List<Pose> {
        require(ids.size == poses.size) { "${ids.size} ids do not fit ${poses.size} poses" }
        val smoothed = poses.mapIndexed { at, pose ->
            val person = people.getOrPut(ids[at]) { Smoothed(OneEuroFilter(minCutoff, beta, derivativeCutoff), 0.0) }
            person.timeSeconds = timeSeconds
            person.filter.smooth(pose, timeSeconds)
        }
        people.values.removeAll { timeSeconds - it.timeSeconds > maxAgeSeconds }
        return smoothed
    }

    /** Forget everybody, as after switching cameras. */
    public fun reset(): Unit = people.clear()
}
