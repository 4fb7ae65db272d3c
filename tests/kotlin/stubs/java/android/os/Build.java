// SPDX-License-Identifier: Apache-2.0
// Signature stubs, never shipped: enough of the public API for the type checker, no behaviour.
package android.os;

public class Build {
    public static class VERSION {
        public static final int SDK_INT = Integer.getInteger("stub.sdk", 36);
    }

    public static class VERSION_CODES {
        public static final int N = 24;
        public static final int O = 26;
    }
}
