// SPDX-License-Identifier: Apache-2.0
// Signature stubs, never shipped: enough of the public API for the type checker, no behaviour.
package android.content.res;

import java.io.IOException;
import org.jetbrains.annotations.NotNull;

public final class AssetManager implements AutoCloseable {
    private AssetManager() {}

    @NotNull
    public AssetFileDescriptor openFd(@NotNull String fileName) throws IOException {
        throw new UnsupportedOperationException("stub");
    }

    @Override
    public void close() {
        throw new UnsupportedOperationException("stub");
    }
}
