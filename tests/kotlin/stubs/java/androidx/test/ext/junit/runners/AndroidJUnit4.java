// SPDX-License-Identifier: Apache-2.0
// Signature stubs, never shipped: enough of the public API for the type checker, no behaviour.
package androidx.test.ext.junit.runners;

import org.junit.runner.Runner;

public final class AndroidJUnit4 extends Runner {
    private AndroidJUnit4() {}
}
