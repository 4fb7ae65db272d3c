// SPDX-License-Identifier: Apache-2.0
// Signature stubs, never shipped: enough of the public API for the type checker, no behaviour.
// After camera-core's API list of 1.7.0-rc01.
package androidx.camera.core;

import androidx.camera.core.resolutionselector.ResolutionSelector;
import java.util.concurrent.Executor;
import org.jetbrains.annotations.NotNull;
import org.jetbrains.annotations.Nullable;

public final class Preview extends UseCase {
    private Preview() {}

    public void setSurfaceProvider(@Nullable SurfaceProvider provider) {
        throw new UnsupportedOperationException("stub");
    }

    public void setSurfaceProvider(@NotNull Executor executor, @Nullable SurfaceProvider provider) {
        throw new UnsupportedOperationException("stub");
    }

    public int getTargetRotation() {
        throw new UnsupportedOperationException("stub");
    }

    public void setTargetRotation(int rotation) {
        throw new UnsupportedOperationException("stub");
    }

    public interface SurfaceProvider {}

    public static final class Builder {
        public Builder() {}

        @NotNull
        public Builder setResolutionSelector(@NotNull ResolutionSelector selector) {
            throw new UnsupportedOperationException("stub");
        }

        @NotNull
        public Builder setTargetRotation(int rotation) {
            throw new UnsupportedOperationException("stub");
        }

        @NotNull
        public Preview build() {
            throw new UnsupportedOperationException("stub");
        }
    }
}
