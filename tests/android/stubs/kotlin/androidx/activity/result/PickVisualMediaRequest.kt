// SPDX-License-Identifier: Apache-2.0
// Signature stubs, never shipped: enough of the public API for the type checker, no behaviour.
// After activity's API list of 1.13.0-rc01.
package androidx.activity.result

import androidx.activity.result.contract.ActivityResultContracts.PickVisualMedia.DefaultTab
import androidx.activity.result.contract.ActivityResultContracts.PickVisualMedia.ImageAndVideo
import androidx.activity.result.contract.ActivityResultContracts.PickVisualMedia.VisualMediaType

public class PickVisualMediaRequest internal constructor()

public fun PickVisualMediaRequest(
    mediaType: VisualMediaType = ImageAndVideo,
    maxItems: Int = 2,
    isOrderedSelection: Boolean = false,
    defaultTab: DefaultTab = DefaultTab.PhotosTab,
): PickVisualMediaRequest =
    throw UnsupportedOperationException("stub")
