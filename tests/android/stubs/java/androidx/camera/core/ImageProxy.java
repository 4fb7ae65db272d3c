// SPDX-License-Identifier: Apache-2.0
// Signature stubs, never shipped: enough of the public API for the type checker, no behaviour.
// After camera-core's API list of 1.7.0-rc01.
package androidx.camera.core;

import android.graphics.Bitmap;
import android.graphics.Rect;
import java.nio.ByteBuffer;
import org.jetbrains.annotations.NotNull;
import org.jetbrains.annotations.Nullable;

public interface ImageProxy extends AutoCloseable {
    @Override
    void close();

    int getFormat();

    int getWidth();

    int getHeight();

    @NotNull
    ImageInfo getImageInfo();

    @NotNull
    PlaneProxy[] getPlanes();

    @NotNull
    Rect getCropRect();

    void setCropRect(@Nullable Rect rect);

    @NotNull
    default Bitmap toBitmap() {
        throw new UnsupportedOperationException("stub");
    }

    interface PlaneProxy {
        int getRowStride();

        int getPixelStride();

        @NotNull
        ByteBuffer getBuffer();
    }
}
