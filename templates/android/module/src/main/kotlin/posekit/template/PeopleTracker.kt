// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.hypot
import kotlin.math.max

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
 * Each track is looked for where its velocity has brought it, about there after a frame without it, since who is half
 * hidden seems to slow down, and where it was, for who stops unseen. Of all pairs of a
 * person and a track the most similar one is matched first, of equal ones that of the first person and the smallest id. Make one with the generated class's
 * `peopleTracker()`. Not for use by two threads.
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
    public val maxAgeSeconds: Double = 2.0,
    public val maxTracks: Int = 18,
) {
    private class Track(val id: Int, val pose: Pose, val timeSeconds: Double, val velocity: Velocity)

    private class Velocity(val x: Double, val y: Double)

    private class Match(val person: Int, val track: Int, val alike: Double)

    private var tracks = emptyList<Track>() // by id
    private var nextId = 1
    private var lastSeconds = Double.NEGATIVE_INFINITY // of the last frame

    /**
     * The id of each of [poses]; where time goes back everybody is new.
     *
     * @throws IllegalArgumentException where the boxes are to be compared and a pose has none.
     */
    public fun update(poses: List<Pose>, timeSeconds: Double): List<Int> {
        require(similarity == Similarity.OKS || poses.all { it.box != null }) { "a pose has no box to compare" }
        if (tracks.any { it.timeSeconds > timeSeconds }) reset()
        val free = tracks.filter { timeSeconds - it.timeSeconds <= maxAgeSeconds }
        val known = matched(poses, free, timeSeconds)
        val seen = poses.mapIndexed { person, pose ->
            known[person]?.let { followed(it, pose, timeSeconds) } ?: Track(nextId++, pose, timeSeconds, Velocity(0.0, 0.0))
        }
        val newestFirst = compareByDescending<Track> { it.timeSeconds }.thenBy { it.id }
        val left = free.filter { track -> known.values.none { it === track } }
        tracks = (left + seen).sortedWith(newestFirst).take(maxTracks).sortedBy { it.id }
        lastSeconds = timeSeconds
        return seen.map { it.id }
    }

    /** Forget everybody, as after switching cameras. */
    public fun reset() {
        tracks = emptyList()
    }

    /** The track of each person who has one: the most similar pair first. */
    private fun matched(poses: List<Pose>, free: List<Track>, now: Double): Map<Int, Track> {
        val moved = free.map { it.pose.movedBy(it.velocity.x * (now - it.timeSeconds), it.velocity.y * (now - it.timeSeconds)) }
        val pairs = ArrayList<Match>()
        for (person in poses.indices) {
            for (track in free.indices) {
                val about = alikeAbout(poses[person], moved[track], free[track].timeSeconds, now)
                val alike = max(alike(poses[person], free[track].pose), about)
                if (alike >= minSimilarity) pairs += Match(person, track, alike)
            }
        }
        pairs.sortWith(compareByDescending<Match> { it.alike }.thenBy { it.person }.thenBy { it.track })
        val found = HashMap<Int, Track>()
        val taken = HashSet<Int>()
        for (pair in pairs) {
            if (pair.person !in found && taken.add(pair.track)) found[pair.person] = free[pair.track]
        }
        return found
    }

    /** The person with the track's id, and its velocity brought up to date by the keypoints that are sure in both. */
    private fun followed(track: Track, pose: Pose, now: Double): Track {
        val elapsed = now - track.timeSeconds
        val last = track.pose
        val both = (0 until pose.count).filter { pose.scores[it] >= minScore && last.scores[it] >= minScore }
        if (!(elapsed > 0) || both.isEmpty()) return Track(track.id, pose, now, track.velocity)
        val learnt = lowPassWeight(VELOCITY_CUTOFF, elapsed)
        val x = both.sumOf { pose.x(it) - last.x(it) } / both.size / elapsed
        val y = both.sumOf { pose.y(it) - last.y(it) } / both.size / elapsed
        val before = track.velocity
        return Track(track.id, pose, now, Velocity(before.x + learnt * (x - before.x), before.y + learnt * (y - before.y)))
    }

    /** How alike [pose] is to a track that was seen at [then] and moved, elsewhere if the last frame was without it. */
    private fun alikeAbout(pose: Pose, moved: Pose, then: Double, now: Double): Double {
        if (then >= lastSeconds) return alike(pose, moved)
        val away = away(pose, moved)
        val length = hypot(away.x, away.y)
        val reach = DRIFT * away.size * (now - then)
        val part = if (length <= reach) 1.0 else reach / length
        return alike(pose, moved.movedBy(away.x * part, away.y * part))
    }

    private class Away(val x: Double, val y: Double, val size: Double)

    /** From a track to [pose], px, by what is compared, and the longer side of the track. */
    private fun away(pose: Pose, track: Pose): Away {
        val box = track.box
        val own = pose.box
        if (similarity == Similarity.IOU && box != null && own != null) {
            val size = max(box.right - box.left, box.bottom - box.top)
            val x = (own.left - box.left + own.right - box.right) / 2
            return Away(x, (own.top - box.top + own.bottom - box.bottom) / 2, size)
        }
        val sure = (0 until track.count).filter { track.scores[it] >= minScore }
        val both = sure.filter { pose.scores[it] >= minScore }
        if (both.isEmpty()) return Away(0.0, 0.0, 0.0)
        val width = sure.maxOf(track::x) - sure.minOf(track::x)
        val height = sure.maxOf(track::y) - sure.minOf(track::y)
        val x = both.sumOf { pose.x(it) - track.x(it) } / both.size
        return Away(x, both.sumOf { pose.y(it) - track.y(it) } / both.size, max(width, height))
    }

    private fun alike(pose: Pose, other: Pose): Double =
        if (similarity == Similarity.OKS) oks(pose, other, sigmas, minScore) else iou(pose.box, other.box)
}

private const val VELOCITY_CUTOFF = 1.0 // Hz: how fast a person's velocity is learnt
private const val DRIFT = 0.3 // sizes a second: how far from where they must be somebody may be who was not seen

/** The pose somewhere else, and its box with it. */
private fun Pose.movedBy(x: Double, y: Double): Pose {
    val moved = DoubleArray(coordinates.size) { i ->
        coordinates[i] + if (i % dimensions == 0) x else if (i % dimensions == 1) y else 0.0
    }
    return Pose(moved, scores, dimensions, confidence, box?.run { Box(left + x, top + y, right + x, bottom + y) })
}
