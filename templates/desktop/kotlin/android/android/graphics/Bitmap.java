// SPDX-License-Identifier: Apache-2.0
// Stands in for the Android class of that name when the generated module runs on a desktop JVM.
package android.graphics;

/** Opaque pixels in memory. As Android does, it refuses what lies outside the picture. */
public final class Bitmap {
    public enum Config { ALPHA_8, RGB_565, ARGB_4444, ARGB_8888, RGBA_F16, HARDWARE, RGBA_1010102 }

    private final int width;
    private final int height;
    private final Config config;
    private int[] argb;

    private Bitmap(int[] argb, int width, int height, Config config) {
        this.argb = argb;
        this.width = width;
        this.height = height;
        this.config = config;
    }

    public static Bitmap createBitmap(int[] colors, int width, int height, Config config) {
        if (width <= 0 || height <= 0) throw new IllegalArgumentException("width and height must be > 0");
        if (colors.length < width * height) throw new ArrayIndexOutOfBoundsException(colors.length);
        return new Bitmap(colors.clone(), width, height, config);
    }

    public Bitmap copy(Config config, boolean isMutable) {
        return new Bitmap(argb, width, height, config);
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

    public void recycle() {
        argb = null;
    }

    public boolean isRecycled() {
        return argb == null;
    }

    public void getPixels(int[] pixels, int offset, int stride, int x, int y, int width, int height) {
        if (argb == null || config == Config.HARDWARE) throw new IllegalStateException("pixels cannot be read");
        if (x < 0 || y < 0 || width <= 0 || height <= 0 || x + width > this.width || y + height > this.height
                || stride < width || offset + stride * (height - 1) + width > pixels.length) {
            throw new IllegalArgumentException("rectangle");
        }
        for (int row = 0; row < height; row++) {
            System.arraycopy(argb, (y + row) * this.width + x, pixels, offset + row * stride, width);
        }
    }
}
