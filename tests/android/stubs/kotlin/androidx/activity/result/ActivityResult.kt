// SPDX-License-Identifier: Apache-2.0
// Signature stubs, never shipped: enough of the public API for the type checker, no behaviour.
// After activity's API list of 1.13.0-rc01.
package androidx.activity.result

private fun stub(): Nothing = throw UnsupportedOperationException("stub")

public fun interface ActivityResultCallback<O> {
    public fun onActivityResult(result: O)
}

public abstract class ActivityResultLauncher<I> {
    public open fun launch(input: I): Unit = stub()

    public abstract fun unregister()
}
