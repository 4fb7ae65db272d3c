// SPDX-License-Identifier: Apache-2.0
// Signature stubs, never shipped: enough of the public API for the type checker, no behaviour.
// After camera-core's API list of 1.7.0-rc01.
package androidx.camera.core;

import android.graphics.Matrix;
import androidx.camera.core.resolutionselector.ResolutionSelector;
import java.util.concurrent.Executor;
import org.jetbrains.annotations.NotNull;
import org.jetbrains.annotations.Nullable;

public final class ImageAnalysis extends UseCase {
    public static final int STRATEGY_KEEP_ONLY_LATEST = 0;
    public static final int STRATEGY_BLOCK_PRODUCER = 1;
    public static final int OUTPUT_IMAGE_FORMAT_YUV_420_888 = 1;
    public static final int OUTPUT_IMAGE_FORMAT_RGBA_8888 = 2;

    private ImageAnalysis() {}

    public void setAnalyzer(@NotNull Executor executor, @NotNull Analyzer analyzer) {
        throw new UnsupportedOperationException("stub");
    }

    public void clearAnalyzer() {
        throw new UnsupportedOperationException("stub");
    }

    public int getTargetRotation() {
        throw new UnsupportedOperationException("stub");
    }

    public void setTargetRotation(int rotation) {
        throw new UnsupportedOperationException("stub");
    }

    public interface Analyzer {
        void analyze(@NotNull ImageProxy image);

        default int getTargetCoordinateSystem() {
            throw new UnsupportedOperationException("stub");
        }

        default void updateTransform(@Nullable Matrix matrix) {
            throw new UnsupportedOperationException("stub");
        }
    }

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
        public Builder setBackpressureStrategy(int strategy) {
            throw new UnsupportedOperationException("stub");
        }

        @NotNull
        public Builder setOutputImageFormat(int format) {
            throw new UnsupportedOperationException("stub");
        }

        @NotNull
        public ImageAnalysis build() {
            throw new UnsupportedOperationException("stub");
        }
    }
}
