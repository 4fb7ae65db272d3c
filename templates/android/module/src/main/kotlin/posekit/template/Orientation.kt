// SPDX-License-Identifier: Apache-2.0

package posekit.template

/**
 * How a stored picture becomes upright: turn it clockwise by [rotationDegrees], then flip it left to right if [mirrored].
 *
 * Keypoints are in px of the upright image, where left is the person's left. Set [mirrored] only where the stored picture
 * is a mirror image itself: the flip undoes it. A preview that merely shows it mirrored is the app's business.
 *
 * @property rotationDegrees 0, 90, 180 or 270, as CameraX's `imageInfo.rotationDegrees`.
 */
public data class Orientation @JvmOverloads constructor(
    public val rotationDegrees: Int = 0,
    public val mirrored: Boolean = false,
) {
    init {
        require(rotationDegrees == 0 || rotationDegrees == 90 || rotationDegrees == 180 || rotationDegrees == 270) {
            "rotationDegrees is $rotationDegrees, expected 0, 90, 180 or 270"
        }
    }

    /** Whether width and height change places. */
    internal val swapsSides: Boolean get() = rotationDegrees == 90 || rotationDegrees == 270

    public companion object {
        /** Stored as it is seen. */
        @JvmField
        public val UPRIGHT: Orientation = Orientation()

        private val BY_EXIF_VALUE = listOf(
            UPRIGHT, Orientation(0, true), Orientation(180), Orientation(180, true),
            Orientation(90, true), Orientation(90), Orientation(270, true), Orientation(270),
        )

        /**
         * Of the EXIF value of a picture, 1 to 8: `ExifInterface.TAG_ORIENTATION`, whose 0, undefined, counts as 1.
         *
         * @throws IllegalArgumentException for any other value.
         */
        @JvmStatic
        public fun ofExif(value: Int): Orientation {
            require(value in 0..8) { "the EXIF orientation is $value, expected 1 to 8, or 0 where there is none" }
            return BY_EXIF_VALUE[maxOf(value, 1) - 1]
        }
    }
}
