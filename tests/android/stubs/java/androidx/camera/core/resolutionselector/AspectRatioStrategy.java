// SPDX-License-Identifier: Apache-2.0
// Signature stubs, never shipped: enough of the public API for the type checker, no behaviour.
// After camera-core's API list of 1.7.0-rc01.
package androidx.camera.core.resolutionselector;

import org.jetbrains.annotations.NotNull;

public final class AspectRatioStrategy {
    @NotNull public static final AspectRatioStrategy RATIO_4_3_FALLBACK_AUTO_STRATEGY = new AspectRatioStrategy(0, 1);
    @NotNull public static final AspectRatioStrategy RATIO_16_9_FALLBACK_AUTO_STRATEGY = new AspectRatioStrategy(1, 1);

    public AspectRatioStrategy(int preferredAspectRatio, int fallbackRule) {}
}
