// SPDX-License-Identifier: Apache-2.0
// Fake, never shipped: stands in for the class of that name when the Android layer is run on a JVM.
package android.content.res;

import java.io.File;
import java.io.IOException;

public final class AssetManager implements AutoCloseable {
    private final File folder;

    public AssetManager(File folder) {
        this.folder = folder;
    }

    public AssetFileDescriptor openFd(String fileName) throws IOException {
        return new AssetFileDescriptor(new File(folder, fileName));
    }

    @Override
    public void close() {}
}
