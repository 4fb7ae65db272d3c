// SPDX-License-Identifier: Apache-2.0

package posekit.template

/**
 * A [OneEuroFilter] for each tracked person, forgotten after [maxAgeSeconds] without them.
 *
 * Not for use by two threads.
 */
public class PeopleSmoother(
    public val minCutoff: Double = 0.5,
    public val beta: Double = 5.0,
    public val derivativeCutoff: Double = 1.0,
    public val maxAgeSeconds: Double = 2.0,
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
