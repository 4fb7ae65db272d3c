// SPDX-License-Identifier: Apache-2.0
// Signature stub, never shipped: enough of the public API for the type checker, no behaviour.
package androidx.camera.core;

import android.graphics.Bitmap;

public interface ImageProxy extends AutoCloseable {
    @Override
    void close();

    ImageInfo getImageInfo();

    Bitmap toBitmap();
}
