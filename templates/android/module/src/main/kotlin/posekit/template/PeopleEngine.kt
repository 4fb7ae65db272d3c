// SPDX-License-Identifier: Apache-2.0

package posekit.template

import android.content.Context
import android.graphics.Bitmap

/** Two stages on one thread: a detector finds people, and the pose model looks at each of them. */
internal class PeopleEngine private constructor(
    private val detector: PoseEngine,
    private val pose: PoseEngine,
    private val rule: FollowingRule,
) : AutoCloseable {
    private val follower = PeopleFollower(rule)

    val detectorAccelerator: AcceleratorUse
        get() = detector.accelerator

    /** How often the detector has looked. */
    var detections = 0
        private set

    /** The people in a picture of its own. */
    fun estimate(bitmap: Bitmap, rotationDegrees: Int, mirrored: Boolean): List<Pose> =
        look(bitmap, rotationDegrees, mirrored, PeopleFollower(rule))

    /** The people in the next frame; those of the frame before are looked for where they were. */
    fun follow(bitmap: Bitmap, rotationDegrees: Int, mirrored: Boolean): List<Pose> =
        look(bitmap, rotationDegrees, mirrored, follower)

    fun forget(): Unit = follower.reset()

    private fun look(bitmap: Bitmap, rotationDegrees: Int, mirrored: Boolean, follower: PeopleFollower): List<Pose> {
        val detected = if (follower.wantsDetection) detect(bitmap, rotationDegrees, mirrored) else null
        val poses = follower.regions(detected).map { pose.estimate(bitmap, rotationDegrees, mirrored, it).firstOrNull() }
        return follower.follow(poses).mapNotNull(poses::get)
    }

    private fun detect(bitmap: Bitmap, rotationDegrees: Int, mirrored: Boolean): List<Region> {
        detections++
        return detectedRegions(detector.estimate(bitmap, rotationDegrees, mirrored, null), rule)
    }

    override fun close(): Unit = detector.close() // the pose model's engine is closed by who made it

    companion object {
        /** The stages around [pose]; the detector is loaded with the same [options]. */
        fun create(context: Context, contract: PoseContract, pose: PoseEngine, options: Options, what: String): PeopleEngine {
            val first = requireNotNull(contract.detector) { "the contract has no detector" }
            val rule = requireNotNull(contract.following) { "the contract says nothing of regions" }
            return PeopleEngine(PoseEngine.create(context, first, options, what), pose, rule)
        }
    }
}
