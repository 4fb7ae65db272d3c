// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.abs
import kotlin.math.cos
import kotlin.math.sin

/**
 * How people are followed in two stages: where the pose model looks at first, in the next frame, and when anew.
 *
 * @property input of the pose model, whose box padding grows the regions of boxes.
 * @property sigmas one a keypoint, as object keypoint similarity (OKS) uses it.
 * @property minScore a keypoint counts from this score on.
 * @property points how a region comes from the points of a detection; null: from its box.
 * @property pointsAboutBox whether that region is about the box.
 * @property nextPoints how the next region comes from a pose's keypoints; null: from the box around them.
 * @property nextPointsAboutBox whether that region is about the box around them.
 * @property margin by how much the keypoints' box is grown.
 * @property maxPeople how many are followed.
 * @property detectEvery after so many frames somebody new is looked for.
 * @property minOverlap intersection over union of regions, without their padding, from which a detection is somebody who
 *   is followed.
 * @property maxAlike OKS from which two poses are one person's.
 */
internal class FollowingRule(
    val input: InputSpec,
    val sigmas: DoubleArray,
    val minScore: Double,
    val points: PointsRule? = null,
    val pointsAboutBox: Boolean = false,
    val nextPoints: PointsRule? = null,
    val nextPointsAboutBox: Boolean = false,
    val margin: Double = 1.2,
    val maxPeople: Int = 6,
    val detectEvery: Int = 30,
    val minOverlap: Double = 0.3,
    val maxAlike: Double = 0.8,
)

/** Where each of [detections] is, in their order; who has no sound box or points is left out. */
internal fun detectedRegions(detections: List<Pose>, rule: FollowingRule): List<Region> =
    detections.mapNotNull { detection ->
        val points = rule.points
        if (points == null) {
            detection.box?.takeIf { it.isSound }?.let {
                regionFromBox(it.left, it.top, it.right, it.bottom, rule.input, rule.input.boxPadding)
            }
        } else {
            val box = if (rule.pointsAboutBox) detection.box ?: Box(0.0, 0.0, 0.0, 0.0) else null
            points.region(detection.coordinates, detection.dimensions, box)
        }
    }

/** Where the person of [pose] is looked for in the next frame; null where too little of them is sure. */
internal fun followedRegion(pose: Pose, rule: FollowingRule): Region? {
    val region = nextRegion(pose, rule.input, rule.minScore, rule.margin)
    val points = rule.nextPoints
    if (region == null || points == null) return region
    val box = if (rule.nextPointsAboutBox) sureBox(pose, rule.minScore) else null
    return points.region(pose.coordinates, pose.dimensions, box)
}

/**
 * Where the pose model looks in each frame: where people were, and where somebody else is detected.
 *
 * A frame is [wantsDetection], [regions] and [follow], in this order. Not for use by two threads.
 */
internal class PeopleFollower(private val rule: FollowingRule) {
    private var regions = emptyList<Region>() // of this frame, who is followed for longest first
    private var followed = 0 // of them, those who were there in the frame before
    private var frames = 0 // since somebody new was looked for
    private var hasLost = false

    /** Whether people should be detected in the next frame: nobody is followed, somebody was lost, or may have come. */
    val wantsDetection: Boolean
        get() = regions.size < rule.maxPeople && (regions.isEmpty() || hasLost || frames >= rule.detectEvery)

    /** Where the pose model is to look in this frame; [detected]: the surest first, null where nobody was searched. */
    fun regions(detected: List<Region>?): List<Region> {
        followed = regions.size
        frames = if (detected != null) 1 else frames + 1
        val new = detected.orEmpty().filter { one -> regions.none { isSame(one, it) } }
        regions = (regions + new).take(rule.maxPeople)
        return regions
    }

    /**
     * Which of the regions show somebody, who is followed from there; of two that show the same person, the first.
     *
     * [poses] are what the model found in each region, null for nobody.
     */
    fun follow(poses: List<Pose?>): List<Int> {
        val people = ArrayList<Int>()
        val next = ArrayList<Region>()
        hasLost = false
        poses.forEachIndexed { place, pose ->
            val isSomebody = pose != null && people.none { areAlike(pose, poses[it]) }
            if (isSomebody) people += place
            val region = if (isSomebody) followedRegion(pose, rule) else null
            if (region != null) next += region else if (place < followed) hasLost = true
        }
        regions = next
        return people
    }

    /** Forget everybody, as after switching cameras. */
    fun reset() {
        regions = emptyList()
        followed = 0
        frames = 0
        hasLost = false
    }

    private fun isSame(one: Region, other: Region): Boolean =
        iou(personBox(one, rule.input.boxPadding), personBox(other, rule.input.boxPadding)) >= rule.minOverlap

    private fun areAlike(one: Pose, other: Pose?): Boolean =
        other != null && oks(one, other, rule.sigmas, rule.minScore) >= rule.maxAlike
}

/** The upright box around [region] without its [padding]: people who stand side by side have regions that overlap. */
internal fun personBox(region: Region, padding: Double): Box {
    val angle = region.rotationDegrees * Math.PI / 180
    val cosine = abs(cos(angle))
    val sine = abs(sin(angle))
    val halfWidth = (region.width * cosine + region.height * sine) / (2 * padding)
    val halfHeight = (region.width * sine + region.height * cosine) / (2 * padding)
    return Box(
        region.centerX - halfWidth, region.centerY - halfHeight,
        region.centerX + halfWidth, region.centerY + halfHeight,
    )
}
