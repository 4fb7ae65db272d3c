// SPDX-License-Identifier: Apache-2.0

package posekit.demo.app

import posekit.template.Accelerator

/** What the user chose. */
internal data class Choices(
    val model: BundledModel,
    val accelerator: Accelerator = Accelerator.GPU,
    val isTracking: Boolean = true,
    val isSmoothing: Boolean = true,
    val isFront: Boolean = false,
) {
    /** Whether [other] wants the same model to be loaded. */
    fun isOfTheModelOf(other: Choices): Boolean = model == other.model && accelerator == other.accelerator
}
