// SPDX-License-Identifier: Apache-2.0
// Signature stubs, never shipped: enough of the public API for the type checker, no behaviour.
package android.content;

import android.content.pm.ApplicationInfo;
import android.content.res.AssetManager;
import java.io.File;

public abstract class Context {
    public static final String POWER_SERVICE = "power";

    public abstract AssetManager getAssets();

    public ApplicationInfo getApplicationInfo() {
        throw new UnsupportedOperationException("stub");
    }

    public File getFilesDir() {
        throw new UnsupportedOperationException("stub");
    }

    public File getCodeCacheDir() {
        throw new UnsupportedOperationException("stub");
    }

    public Object getSystemService(String name) {
        throw new UnsupportedOperationException("stub");
    }

    public Context getApplicationContext() {
        throw new UnsupportedOperationException("stub");
    }
}
