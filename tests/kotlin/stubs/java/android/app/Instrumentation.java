// SPDX-License-Identifier: Apache-2.0
// Signature stubs, never shipped: enough of the public API for the type checker, no behaviour.
package android.app;

import android.content.Context;

public class Instrumentation {
    public Context getTargetContext() {
        throw new UnsupportedOperationException("stub");
    }
}
