// SPDX-License-Identifier: Apache-2.0
// Signature stub, never shipped: enough of the public API for the type checker, no behaviour.
package androidx.camera.core;

import android.graphics.Bitmap;
import java.nio.ByteBuffer;

public interface ImageProxy extends AutoCloseable {
    @Override
    void close();

    ImageInfo getImageInfo();

    Bitmap toBitmap();

    int getWidth();

    int getHeight();

    PlaneProxy[] getPlanes();

    interface PlaneProxy {
        int getRowStride();

        int getPixelStride();

        ByteBuffer getBuffer();
    }
}
