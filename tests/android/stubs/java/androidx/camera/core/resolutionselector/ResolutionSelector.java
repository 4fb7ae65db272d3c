// SPDX-License-Identifier: Apache-2.0
// Signature stubs, never shipped: enough of the public API for the type checker, no behaviour.
// After camera-core's API list of 1.7.0-rc01.
package androidx.camera.core.resolutionselector;

import org.jetbrains.annotations.NotNull;

public final class ResolutionSelector {
    private ResolutionSelector() {}

    public static final class Builder {
        public Builder() {}

        @NotNull
        public Builder setAspectRatioStrategy(@NotNull AspectRatioStrategy strategy) {
            throw new UnsupportedOperationException("stub");
        }

        @NotNull
        public Builder setResolutionStrategy(@NotNull ResolutionStrategy strategy) {
            throw new UnsupportedOperationException("stub");
        }

        @NotNull
        public ResolutionSelector build() {
            throw new UnsupportedOperationException("stub");
        }
    }
}
