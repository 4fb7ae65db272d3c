// SPDX-License-Identifier: Apache-2.0
// Signature stub, never shipped: enough of the public API for the type checker, no behaviour.
package android.util;

public final class Log {
    public static int i(String tag, String message) {
        throw new UnsupportedOperationException("stub");
    }

    public static int e(String tag, String message, Throwable error) {
        throw new UnsupportedOperationException("stub");
    }
}
