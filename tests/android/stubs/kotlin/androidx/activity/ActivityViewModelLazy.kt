// SPDX-License-Identifier: Apache-2.0
// Signature stubs, never shipped: enough of the public API for the type checker, no behaviour.
// After activity's API list of 1.13.0-rc01.
package androidx.activity

import androidx.lifecycle.ViewModel

public inline fun <reified VM : ViewModel> ComponentActivity.viewModels(): Lazy<VM> = made(VM::class.java)

@PublishedApi
internal fun <VM> made(type: Class<VM>): Lazy<VM> = throw UnsupportedOperationException("stub for $type")
