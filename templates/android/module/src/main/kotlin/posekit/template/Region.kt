// SPDX-License-Identifier: Apache-2.0

package posekit.template

/**
 * A rectangle of the upright image, the part in which the model looks for one person.
 *
 * @property centerX x of its centre, source px.
 * @property centerY y of its centre, source px; y points down.
 * @property width width before turning, source px.
 * @property height height before turning, source px.
 * @property rotationDegrees turn about the centre, clockwise as seen.
 */
public data class Region(
    public val centerX: Double,
    public val centerY: Double,
    public val width: Double,
    public val height: Double,
    public val rotationDegrees: Double = 0.0,
) {
    init {
        require(
            centerX.isFinite() && centerY.isFinite() && rotationDegrees.isFinite() &&
                width.isFinite() && height.isFinite() && width > 0 && height > 0,
        ) { "a region needs finite numbers and a positive size, got $this" }
    }
}

/** How a stored picture becomes upright: turn it clockwise, then mirror it if [mirrored]. */
internal data class Orientation(val rotationDegrees: Int = 0, val mirrored: Boolean = false) {
    init {
        require(rotationDegrees == 0 || rotationDegrees == 90 || rotationDegrees == 180 || rotationDegrees == 270) {
            "rotationDegrees is $rotationDegrees, expected 0, 90, 180 or 270"
        }
    }

    /** Whether width and height change places. */
    val swapsSides: Boolean get() = rotationDegrees == 90 || rotationDegrees == 270
}
