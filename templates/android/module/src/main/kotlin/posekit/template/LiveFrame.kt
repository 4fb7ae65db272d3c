// SPDX-License-Identifier: Apache-2.0

package posekit.template

/**
 * What a frame shows.
 *
 * @property people those who were found, each with an id.
 * @property dense what the model says of every place of where it looked; empty where it says nothing of that, and of
 *   two stages.
 * @property times how long the steps took, of two stages those of both models together.
 * @property width of the upright picture, px; poses are in its px.
 * @property height of the upright picture, px.
 */
public class LiveFrame internal constructor(
    public val people: List<LivePerson>,
    public val dense: List<DenseMap>,
    public val times: StepTimes,
    public val width: Int,
    public val height: Int,
)

/**
 * A person in a frame.
 *
 * @property id the same from frame to frame.
 * @property pose px of the upright picture.
 */
public class LivePerson internal constructor(public val id: Int, public val pose: Pose)

/** How long the steps of an estimate took, ms. */
public data class StepTimes(
    public val preprocessingMs: Double,
    public val inferenceMs: Double,
    public val decodingMs: Double,
) {
    /** All steps together. */
    public val totalMs: Double get() = preprocessingMs + inferenceMs + decodingMs

    internal operator fun plus(other: StepTimes) = StepTimes(
        preprocessingMs + other.preprocessingMs, inferenceMs + other.inferenceMs, decodingMs + other.decodingMs,
    )

    internal operator fun minus(other: StepTimes) = StepTimes(
        preprocessingMs - other.preprocessingMs, inferenceMs - other.inferenceMs, decodingMs - other.decodingMs,
    )

    internal companion object {
        val NONE = StepTimes(0.0, 0.0, 0.0)

        fun ofNanos(preprocessing: Long, inference: Long, decoding: Long) =
            StepTimes(preprocessing / 1e6, inference / 1e6, decoding / 1e6)
    }
}
