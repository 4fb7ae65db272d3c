// SPDX-License-Identifier: Apache-2.0

package posekit.template

/** What z of a keypoint counts in; places in the [Pose.world] are in metres always. */
public enum class DepthUnit {
    /** px of the upright image, as x and y. */
    PX,
    METRES,
}

/** Which way z goes. */
public enum class DepthDirection {
    /** A larger z is farther from the camera. */
    AWAY,

    /** A larger z is nearer to the camera. */
    TOWARDS,
}

/**
 * What z of a keypoint and places in the world mean.
 *
 * @property unit of z.
 * @property root the keypoints whose mean is the origin; none: the camera.
 * @property direction which way z goes.
 */
public class Depth internal constructor(
    public val unit: DepthUnit,
    public val root: List<TemplatePose.Keypoint>,
    public val direction: DepthDirection,
    private val subtractsRoot: Boolean,
) {
    /** Takes the root's place from [person], where the model's places have another origin. */
    internal fun moveToRoot(person: Person) {
        if (!subtractsRoot) return
        val dimensions = person.coordinates.size / person.scores.size
        if (dimensions == 3) subtractRoot(person.coordinates, axis = 2)
        person.world?.let { world -> for (axis in 0 until 3) subtractRoot(world, axis) }
    }

    /** Of [values], three a keypoint. */
    private fun subtractRoot(values: DoubleArray, axis: Int) {
        val origin = root.sumOf { values[3 * it.index + axis] } / root.size
        for (at in axis until values.size step 3) values[at] -= origin
    }
}
