// SPDX-License-Identifier: Apache-2.0

package posekit.template

import kotlin.math.max
import kotlin.math.min

/** How a picture fills a view of another form; both show its middle in the middle. */
public enum class ViewFit {
    /** The view is covered, and what does not fit is cut off: `PreviewView.ScaleType.FILL_CENTER`. */
    FILL,

    /** The whole picture is seen: `PreviewView.ScaleType.FIT_CENTER`. */
    FIT,
}

/**
 * How an upright picture lies in the view that shows it, for what is drawn over it.
 *
 * In the view 0 is its left or top edge.
 *
 * @param pictureWidth of the upright picture, px: [LiveFrame.width].
 * @param mirrored whether the view shows left and right swapped, as CameraX's preview of a front camera does.
 * @throws IllegalArgumentException where one of the sizes is 0 or less.
 */
public class ViewMapping internal constructor(
    private val pictureWidth: Int,
    private val pictureHeight: Int,
    private val viewWidth: Double,
    private val viewHeight: Double,
    fit: ViewFit,
    mirrored: Boolean,
    pixelCenter: Double,
) {
    @JvmOverloads
    public constructor(
        pictureWidth: Int,
        pictureHeight: Int,
        viewWidth: Double,
        viewHeight: Double,
        fit: ViewFit = ViewFit.FILL,
        mirrored: Boolean = false,
    ) : this(
        pictureWidth, pictureHeight, viewWidth, viewHeight, fit, mirrored, TemplatePoseContract.contract.input.pixelCenter,
    )

    init {
        require(pictureWidth > 0 && pictureHeight > 0 && viewWidth > 0 && viewHeight > 0) {
            "a picture of $pictureWidth x $pictureHeight px in a view of $viewWidth x $viewHeight px has no size"
        }
    }

    /** View px per picture px. */
    public val scale: Double = run {
        val across = viewWidth / pictureWidth
        val down = viewHeight / pictureHeight
        if (fit == ViewFit.FILL) max(across, down) else min(across, down)
    }

    private val scaleX = if (mirrored) -scale else scale
    private val toEdge = 0.5 - pixelCenter // coordinates of the picture count from its edge then

    /** [x] of the upright picture in px of the view. */
    public fun viewX(x: Double): Double = viewWidth / 2 + (x + toEdge - pictureWidth / 2.0) * scaleX

    /** [y] of the upright picture in px of the view. */
    public fun viewY(y: Double): Double = viewHeight / 2 + (y + toEdge - pictureHeight / 2.0) * scale

    /** [x] of the view, say of a tap, in px of the upright picture. */
    public fun pictureX(x: Double): Double = pictureWidth / 2.0 + (x - viewWidth / 2) / scaleX - toEdge

    /** [y] of the view in px of the upright picture. */
    public fun pictureY(y: Double): Double = pictureHeight / 2.0 + (y - viewHeight / 2) / scale - toEdge
}
