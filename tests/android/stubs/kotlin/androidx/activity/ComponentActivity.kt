// SPDX-License-Identifier: Apache-2.0
// Signature stubs, never shipped: enough of the public API for the type checker, no behaviour.
// After activity's API list of 1.13.0-rc01.
package androidx.activity

import android.app.Activity
import androidx.activity.result.ActivityResultCallback
import androidx.activity.result.ActivityResultLauncher
import androidx.activity.result.contract.ActivityResultContract
import androidx.lifecycle.Lifecycle
import androidx.lifecycle.LifecycleOwner
import androidx.lifecycle.ViewModelStore
import androidx.lifecycle.ViewModelStoreOwner

private fun stub(): Nothing = throw UnsupportedOperationException("stub")

public open class ComponentActivity() : Activity(), LifecycleOwner, ViewModelStoreOwner {
    public constructor(contentLayoutId: Int) : this() {
        setContentView(contentLayoutId)
    }

    override val lifecycle: Lifecycle get() = stub()
    override val viewModelStore: ViewModelStore get() = stub()

    public fun <I, O> registerForActivityResult(
        contract: ActivityResultContract<I, O>,
        callback: ActivityResultCallback<O>,
    ): ActivityResultLauncher<I> = stub()
}
