// SPDX-License-Identifier: Apache-2.0
// Signature stubs, never shipped: enough of the public API for the type checker, no behaviour.
package android.graphics;

import org.jetbrains.annotations.NotNull;
import org.jetbrains.annotations.Nullable;

public final class Bitmap {
    private Bitmap() {}

    public enum Config { ALPHA_8, RGB_565, ARGB_4444, ARGB_8888, RGBA_F16, HARDWARE, RGBA_1010102 }

    @NotNull
    public static Bitmap createBitmap(@NotNull int[] colors, int width, int height, @NotNull Config config) {
        throw new UnsupportedOperationException("stub");
    }

    public void recycle() {
        throw new UnsupportedOperationException("stub");
    }

    public int getWidth() {
        throw new UnsupportedOperationException("stub");
    }

    public int getHeight() {
        throw new UnsupportedOperationException("stub");
    }

    @Nullable
    public Config getConfig() {
        throw new UnsupportedOperationException("stub");
    }

    public boolean isRecycled() {
        throw new UnsupportedOperationException("stub");
    }

    public Bitmap copy(@NotNull Config config, boolean isMutable) {
        throw new UnsupportedOperationException("stub");
    }

    public void getPixels(@NotNull int[] pixels, int offset, int stride, int x, int y, int width, int height) {
        throw new UnsupportedOperationException("stub");
    }
}
