// SPDX-License-Identifier: Apache-2.0
// Stands in for the Android class of that name when the generated module runs on a desktop JVM.
package android.content;

import android.content.res.AssetManager;
import java.io.File;

public abstract class Context {
    public abstract AssetManager getAssets();

    public File getCodeCacheDir() {
        return new File(System.getProperty("java.io.tmpdir"));
    }
}
