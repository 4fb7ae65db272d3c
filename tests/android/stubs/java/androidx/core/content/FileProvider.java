// SPDX-License-Identifier: Apache-2.0
// Signature stubs, never shipped: enough of the public API for the type checker, no behaviour.
package androidx.core.content;

import android.content.ContentProvider;
import android.content.ContentValues;
import android.content.Context;
import android.database.Cursor;
import android.net.Uri;
import java.io.File;
import org.jetbrains.annotations.NotNull;
import org.jetbrains.annotations.Nullable;

public class FileProvider extends ContentProvider {
    @NotNull
    public static Uri getUriForFile(@NotNull Context context, @NotNull String authority, @NotNull File file) {
        throw new UnsupportedOperationException("stub");
    }

    @Override
    public boolean onCreate() {
        throw new UnsupportedOperationException("stub");
    }

    @Nullable
    @Override
    public Cursor query(Uri uri, String[] columns, String selection, String[] arguments, String order) {
        throw new UnsupportedOperationException("stub");
    }

    @Nullable
    @Override
    public String getType(Uri uri) {
        throw new UnsupportedOperationException("stub");
    }

    @Nullable
    @Override
    public Uri insert(Uri uri, ContentValues values) {
        throw new UnsupportedOperationException("stub");
    }

    @Override
    public int update(Uri uri, ContentValues values, String selection, String[] arguments) {
        throw new UnsupportedOperationException("stub");
    }

    @Override
    public int delete(Uri uri, String selection, String[] arguments) {
        throw new UnsupportedOperationException("stub");
    }
}
