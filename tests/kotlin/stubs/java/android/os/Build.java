// SPDX-License-Identifier: Apache-2.0
// Signature stubs, never shipped: enough of the public API for the type checker, no behaviour.
package android.os;

public class Build {
    public static final String MANUFACTURER = System.getProperty("stub.manufacturer");
    public static final String MODEL = System.getProperty("stub.model");
    public static final String PRODUCT = System.getProperty("stub.product");
    public static final String HARDWARE = System.getProperty("stub.hardware");
    public static final String FINGERPRINT = System.getProperty("stub.fingerprint");

    public static class VERSION {
        public static final String RELEASE = System.getProperty("stub.release");
        public static final int SDK_INT = Integer.getInteger("stub.sdk", 36);
    }

    public static class VERSION_CODES {
        public static final int N = 24;
        public static final int O = 26;
        public static final int Q = 29;
    }
}
