// SPDX-License-Identifier: Apache-2.0
// Stands in for the Android class of that name when the generated module runs on a desktop JVM.
package android.content.res;

import java.io.Closeable;
import java.io.File;
import java.io.FileDescriptor;
import java.io.IOException;
import java.io.RandomAccessFile;

public class AssetFileDescriptor implements Closeable {
    private final RandomAccessFile file;

    AssetFileDescriptor(File path) throws IOException {
        file = new RandomAccessFile(path, "r");
    }

    public FileDescriptor getFileDescriptor() throws IOException {
        return file.getFD();
    }

    public long getStartOffset() {
        return 0;
    }

    public long getLength() throws IOException {
        return file.length();
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
