// SPDX-License-Identifier: Apache-2.0
// Signature stubs, never shipped: enough of the public API for the type checker, no behaviour.
package androidx.core.content;

import android.content.Context;
import java.util.concurrent.Executor;
import org.jetbrains.annotations.NotNull;

public class ContextCompat {
    protected ContextCompat() {}

    @NotNull
    public static Executor getMainExecutor(@NotNull Context context) {
        throw new UnsupportedOperationException("stub");
    }
}
