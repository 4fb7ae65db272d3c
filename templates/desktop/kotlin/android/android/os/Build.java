// SPDX-License-Identifier: Apache-2.0
// Stands in for the Android class of that name when the generated module runs on a desktop JVM.
package android.os;

public class Build {
    public static class VERSION {
        public static final int SDK_INT = 36;
    }

    public static class VERSION_CODES {
        public static final int O = 26;
    }
}
