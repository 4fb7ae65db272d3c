// SPDX-License-Identifier: Apache-2.0
// Fake, never shipped: stands in for the class of that name when the Android layer is run on a JVM.
package android.graphics;

public final class Bitmap {
    public enum Config { ALPHA_8, RGB_565, ARGB_4444, ARGB_8888, RGBA_F16, HARDWARE, RGBA_1010102 }

    private final int width;
    private final int height;
    private final int color;
    private final Config config;
    public boolean recycled;

    /** One colour all over. */
    public Bitmap(int width, int height, int color, Config config) {
        this.width = width;
        this.height = height;
        this.color = color;
        this.config = config;
    }

    public int getWidth() {
        return width;
    }

    public int getHeight() {
        return height;
    }

    public Config getConfig() {
        return config;
    }

    public boolean isRecycled() {
        return recycled;
    }

    /** As Android does, refuses a rectangle outside the bitmap and an array that is too short. */
    public void getPixels(int[] pixels, int offset, int stride, int x, int y, int width, int height) {
        if (x < 0 || y < 0 || width <= 0 || height <= 0 || x + width > this.width || y + height > this.height
                || stride < width || offset + stride * (height - 1) + width > pixels.length) {
            throw new IllegalArgumentException("rectangle");
        }
        for (int row = 0; row < height; row++) {
            java.util.Arrays.fill(pixels, offset + row * stride, offset + row * stride + width, color);
        }
    }
}
