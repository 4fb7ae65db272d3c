// SPDX-License-Identifier: Apache-2.0

package posekit.demo.app

import posekit.template.LiveFrame
import posekit.template.ViewFit
import posekit.template.ViewMapping

/**
 * What the overlay shows.
 *
 * @property fit how the picture below it fills the view.
 * @property isMirrored whether the picture below is shown as in a mirror, as a front camera's preview is.
 */
internal class Drawing(val frame: LiveFrame, val fit: ViewFit, val isMirrored: Boolean) {
    /** Onto a view of [width] x [height] px. */
    fun mapping(width: Int, height: Int): ViewMapping =
        ViewMapping(frame.width, frame.height, width.toDouble(), height.toDouble(), fit, isMirrored)
}
