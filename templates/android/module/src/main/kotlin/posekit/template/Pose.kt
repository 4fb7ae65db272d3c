// SPDX-License-Identifier: Apache-2.0

package posekit.template

/**
 * Where one keypoint is.
 *
 * @property x px of the upright image, to the right.
 * @property y px of the upright image, down.
 * @property z depth as [TemplatePoseContract.DEPTH] says: its unit, origin and direction; null where there is none.
 * @property score the model's score, in the model's own range (for most models 0 to 1).
 * @property visibility how sure the model is that nothing hides the keypoint; null where it does not say.
 * @property presence how sure the model is that the keypoint is in the picture; null where it does not say.
 */
public data class KeypointPosition(
    public val x: Double,
    public val y: Double,
    public val z: Double?,
    public val score: Double,
    public val visibility: Double? = null,
    public val presence: Double? = null,
)

/** An upright rectangle around a person, px of the upright image, y downwards. */
public data class Box(
    public val left: Double,
    public val top: Double,
    public val right: Double,
    public val bottom: Double,
)

/**
 * The keypoints of one person, in px of the upright image: `for ((keypoint, position) in pose)`.
 *
 * Low scores mean that the model is unsure; what is too low is for the app to say.
 *
 * @property coordinates x, y (and z) of each keypoint in turn, [dimensions] numbers a keypoint.
 * @property scores one a keypoint.
 * @property dimensions 2, or 3 with z.
 * @property confidence how sure the model is of the person; the mean of [scores] where it says nothing of that.
 * @property box around the person, null where the model gives none.
 * @property region where the model looked for the person; null in a pose that the app made itself.
 * @property visibility one a keypoint, null where the model gives none.
 * @property presence one a keypoint, null where the model gives none.
 * @property world x, y, z of each keypoint in turn, metres about the root of [TemplatePoseContract.DEPTH], x to
 *   the right and y down as in the upright image; null where the model gives none.
 */
public class Pose(
    public val coordinates: DoubleArray,
    public val scores: DoubleArray,
    public val dimensions: Int,
    public val confidence: Double = scores.average(),
    public val box: Box? = null,
    public val region: Region? = null,
    public val visibility: DoubleArray? = null,
    public val presence: DoubleArray? = null,
    public val world: DoubleArray? = null,
) : Iterable<Pair<TemplatePose.Keypoint, KeypointPosition>> {
    init {
        require(dimensions == 2 || dimensions == 3) { "dimensions is $dimensions, expected 2 or 3" }
        require(coordinates.size == scores.size * dimensions) {
            "${coordinates.size} coordinates do not fit ${scores.size} scores and $dimensions dimensions"
        }
    }

    /** Number of keypoints (K). */
    public val count: Int get() = scores.size

    /** x of keypoint [index], px of the upright image. */
    public fun x(index: Int): Double = coordinates[index * dimensions]

    /** y of keypoint [index], px of the upright image, down. */
    public fun y(index: Int): Double = coordinates[index * dimensions + 1]

    /** Where [keypoint] is. */
    public operator fun get(keypoint: TemplatePose.Keypoint): KeypointPosition {
        val index = keypoint.index
        val z = if (dimensions == 3) coordinates[index * dimensions + 2] else null
        return KeypointPosition(x(index), y(index), z, scores[index], visibility?.get(index), presence?.get(index))
    }

    /** The keypoints in the model's order, each with where it is. */
    override fun iterator(): Iterator<Pair<TemplatePose.Keypoint, KeypointPosition>> =
        TemplatePose.Keypoint.entries.asSequence().take(count).map { it to this[it] }.iterator()

    /** The same person with other [coordinates]. */
    internal fun moved(coordinates: DoubleArray): Pose =
        Pose(coordinates, scores, dimensions, confidence, box, region, visibility, presence, world)

    /** Whether [other] has the same numbers. */
    override fun equals(other: Any?): Boolean =
        other is Pose && dimensions == other.dimensions && confidence.compareTo(other.confidence) == 0 &&
            box == other.box && region == other.region &&
            coordinates.contentEquals(other.coordinates) && scores.contentEquals(other.scores) &&
            visibility.contentEquals(other.visibility) && presence.contentEquals(other.presence) &&
            world.contentEquals(other.world)

    override fun hashCode(): Int = 31 * coordinates.contentHashCode() + scores.contentHashCode()

    override fun toString(): String =
        "Pose(confidence=$confidence, box=$box, region=$region, coordinates=${coordinates.contentToString()}, " +
            "scores=${scores.contentToString()})"
}
