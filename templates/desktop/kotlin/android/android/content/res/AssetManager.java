// SPDX-License-Identifier: Apache-2.0
// Stands in for the Android class of that name when the generated module runs on a desktop JVM.
package android.content.res;

import java.io.File;
import java.io.IOException;

/** The files of a folder; or one file, which is opened under every name. */
public final class AssetManager implements AutoCloseable {
    private final File root;

    public AssetManager(File root) {
        this.root = root;
    }

    public AssetFileDescriptor openFd(String fileName) throws IOException {
        return new AssetFileDescriptor(root.isFile() ? root : new File(root, fileName));
    }

    @Override
    public void close() {}
}
