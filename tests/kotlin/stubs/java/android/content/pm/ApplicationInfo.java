// SPDX-License-Identifier: Apache-2.0
// Signature stubs, never shipped: enough of the public API for the type checker, no behaviour.
package android.content.pm;

public class ApplicationInfo {
    public static final int FLAG_DEBUGGABLE = 1 << 1;

    public int flags;
}
