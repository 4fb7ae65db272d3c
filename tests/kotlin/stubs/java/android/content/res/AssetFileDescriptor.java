// SPDX-License-Identifier: Apache-2.0
// Signature stubs, never shipped: enough of the public API for the type checker, no behaviour.
package android.content.res;

import java.io.Closeable;
import java.io.FileDescriptor;
import java.io.IOException;

public class AssetFileDescriptor implements Closeable {
    private AssetFileDescriptor() {}

    public FileDescriptor getFileDescriptor() {
        throw new UnsupportedOperationException("stub");
    }

    public long getStartOffset() {
        throw new UnsupportedOperationException("stub");
    }

    public long getLength() {
        throw new UnsupportedOperationException("stub");
    }

    @Override
    public void close() throws IOException {
        throw new UnsupportedOperationException("stub");
    }
}
