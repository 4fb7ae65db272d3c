// SPDX-License-Identifier: Apache-2.0
// Signature stub, never shipped: enough of the public API for the type checker, no behaviour.
package androidx.camera.core;

public final class ImageAnalysis {
    public interface Analyzer {
        void analyze(ImageProxy image);
    }
}
