// SPDX-License-Identifier: Apache-2.0
// Signature stubs, never shipped: enough of the public API for the type checker, no behaviour.
// After camera-view's API list of 1.6.0-beta01.
package androidx.camera.view;

import android.content.Context;
import android.graphics.Bitmap;
import android.util.AttributeSet;
import android.widget.FrameLayout;
import androidx.camera.core.Preview;
import org.jetbrains.annotations.NotNull;
import org.jetbrains.annotations.Nullable;

public final class PreviewView extends FrameLayout {
    public PreviewView(@NotNull Context context) {
        this(context, null);
    }

    public PreviewView(@NotNull Context context, @Nullable AttributeSet attributes) {
        super(context, attributes);
    }

    public enum ImplementationMode { PERFORMANCE, COMPATIBLE }

    public enum ScaleType { FILL_START, FILL_CENTER, FILL_END, FIT_START, FIT_CENTER, FIT_END }

    @Nullable
    public Bitmap getBitmap() {
        throw new UnsupportedOperationException("stub");
    }

    @NotNull
    public ImplementationMode getImplementationMode() {
        throw new UnsupportedOperationException("stub");
    }

    public void setImplementationMode(@NotNull ImplementationMode mode) {
        throw new UnsupportedOperationException("stub");
    }

    @NotNull
    public ScaleType getScaleType() {
        throw new UnsupportedOperationException("stub");
    }

    public void setScaleType(@NotNull ScaleType type) {
        throw new UnsupportedOperationException("stub");
    }

    @NotNull
    public Preview.SurfaceProvider getSurfaceProvider() {
        throw new UnsupportedOperationException("stub");
    }
}
