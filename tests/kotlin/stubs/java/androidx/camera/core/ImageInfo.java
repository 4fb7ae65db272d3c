// SPDX-License-Identifier: Apache-2.0
// Signature stub, never shipped: enough of the public API for the type checker, no behaviour.
package androidx.camera.core;

public interface ImageInfo {
    int getRotationDegrees();

    long getTimestamp();
}
