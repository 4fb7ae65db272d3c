// SPDX-License-Identifier: Apache-2.0
// Signature stubs, never shipped: enough of the public API for the type checker, no behaviour.
package org.junit;

public class Assert {
    protected Assert() {}

    public static void assertTrue(String message, boolean condition) {
        if (!condition) throw new AssertionError(message);
    }

    public static void assertNull(String message, Object object) {
        if (object != null) throw new AssertionError(message);
    }

    public static void assertEquals(String message, double expected, double actual, double delta) {
        if (!(Math.abs(expected - actual) <= delta)) {
            throw new AssertionError(message + " expected:<" + expected + "> but was:<" + actual + ">");
        }
    }
}
