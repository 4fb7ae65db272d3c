// SPDX-License-Identifier: Apache-2.0

package posekit.template

import android.content.Context

/** Two stages: a detector finds people, and the pose model looks at each of them. */
internal class PeopleEngine private constructor(
    private val detector: PoseEngine,
    private val pose: PoseEngine,
    private val rule: FollowingRule,
) : AutoCloseable {
    private val follower = PeopleFollower(rule)
    private var form: FrameForm? = null // of the last frame

    val detectorAccelerator: AcceleratorUse
        get() = detector.accelerator

    /** How long the steps of both models took so far. */
    val spent: StepTimes
        get() = detector.spent + pose.spent

    /** The people in a picture of its own. */
    fun estimate(pixels: Pixels, orientation: Orientation): List<Pose> =
        look(pixels, orientation, PeopleFollower(rule))

    /**
     * The people in the next frame; those of the frame before are looked for where they were.
     *
     * They are forgotten where the frame has another size, rotation or mirroring, and where it comes to an exception.
     */
    fun follow(pixels: Pixels, orientation: Orientation): List<Pose> {
        val now = FrameForm(pixels.width, pixels.height, orientation)
        if (now != form) follower.reset()
        form = now
        return try {
            look(pixels, orientation, follower)
        } catch (error: Throwable) {
            follower.reset() // it may be in the middle of the frame
            throw error
        }
    }

    fun forget(): Unit = follower.reset()

    private fun look(pixels: Pixels, orientation: Orientation, follower: PeopleFollower): List<Pose> {
        val detected = if (follower.wantsDetection) {
            detectedRegions(detector.estimate(pixels, orientation, null), rule)
        } else {
            null
        }
        val poses = follower.regions(detected).map { region ->
            pose.estimate(pixels, orientation, region).firstOrNull()
        }
        return follower.follow(poses).mapNotNull(poses::get)
    }

    override fun close(): Unit = detector.close() // the pose model's engine is closed by who made it

    companion object {
        /** The stages around [pose], whose environment the detector shares, loaded with the same [options]. */
        fun create(
            context: Context,
            contract: PoseContract,
            pose: PoseEngine,
            options: Options,
        ): PeopleEngine {
            val first = requireNotNull(contract.detector) { "the contract has no detector" }
            val rule = requireNotNull(contract.following) { "the contract says nothing of regions" }
            val own = options.copy(modelFile = null)
            return PeopleEngine(PoseEngine.create(context, first, own, pose.environment), pose, rule)
        }
    }
}

/** What must stay the same from frame to frame, else places of the frame before are none of the next: px as stored. */
internal data class FrameForm(val width: Int, val height: Int, val orientation: Orientation)
