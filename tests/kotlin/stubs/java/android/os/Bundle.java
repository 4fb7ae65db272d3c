// SPDX-License-Identifier: Apache-2.0
// Signature stubs, never shipped: enough of the public API for the type checker, no behaviour.
package android.os;

import org.jetbrains.annotations.Nullable;

public final class Bundle {
    private Bundle() {}

    @Nullable
    public String getString(@Nullable String key) {
        throw new UnsupportedOperationException("stub");
    }
}
