// SPDX-License-Identifier: Apache-2.0

package posekit.template

/**
 * What lies between two frames of a camera: who is who, each one calmed, and where a model of one person looks next.
 *
 * @param findsOne whether the model looks for one person, whom the next frame is searched for where they were.
 */
internal class LiveTracking(findsOne: Boolean = TemplatePoseContract.FINDS_ONE) {
    private val regionTracker = if (findsOne) {
        RegionTracker(TemplatePoseContract.contract.input, TemplatePoseContract.TRACKER_MIN_SCORE, margin = 1.2)
    } else {
        null
    }
    private val tracker = TemplatePose.peopleTracker()
    private val smoother = PeopleSmoother()

    /** Where to look in the next frame; null for everywhere. */
    val region: Region? get() = regionTracker?.region

    /** The people of the next frame with their ids, in the order of [poses]. */
    fun update(poses: List<Pose>, timeSeconds: Double, isSmoothing: Boolean): List<LivePerson> {
        if (poses.isEmpty()) regionTracker?.reset() else regionTracker?.update(poses[0])
        val ids = tracker.update(poses, timeSeconds)
        val calmed = smoother.smooth(ids, poses, timeSeconds) // also where it is not asked for, so that it can be any time
        return ids.zip(if (isSmoothing) calmed else poses, ::LivePerson)
    }

    /** Forget everybody. */
    fun reset() {
        regionTracker?.reset()
        tracker.reset()
        smoother.reset()
    }
}
