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
)
