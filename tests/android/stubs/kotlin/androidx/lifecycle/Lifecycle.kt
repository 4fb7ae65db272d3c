// SPDX-License-Identifier: Apache-2.0
// Signature stubs, never shipped: enough of the public API for the type checker, no behaviour.
// After lifecycle-viewmodel's API list of 2.11.0-beta01.
package androidx.lifecycle

import android.app.Application

private fun stub(): Nothing = throw UnsupportedOperationException("stub")

public abstract class Lifecycle internal constructor()

public interface LifecycleOwner {
    public val lifecycle: Lifecycle
}

public open class ViewModelStore

public interface ViewModelStoreOwner {
    public val viewModelStore: ViewModelStore
}

public abstract class ViewModel {
    protected open fun onCleared() {}
}

public open class AndroidViewModel(application: Application) : ViewModel() {
    public open fun <T : Application> getApplication(): T = stub()
}
