// SPDX-License-Identifier: Apache-2.0
// Signature stubs, never shipped: enough of the public API for the type checker, no behaviour.
// After activity's API list of 1.13.0-rc01.
package androidx.activity.result.contract

import android.content.Context
import android.content.Intent
import android.net.Uri
import androidx.activity.result.PickVisualMediaRequest

private fun stub(): Nothing = throw UnsupportedOperationException("stub")

public abstract class ActivityResultContract<I, O> {
    public abstract fun createIntent(context: Context, input: I): Intent

    public abstract fun parseResult(resultCode: Int, intent: Intent?): O
}

public class ActivityResultContracts private constructor() {
    public class RequestPermission : ActivityResultContract<String, Boolean>() {
        override fun createIntent(context: Context, input: String): Intent = stub()

        override fun parseResult(resultCode: Int, intent: Intent?): Boolean = stub()
    }

    public open class PickVisualMedia : ActivityResultContract<PickVisualMediaRequest, Uri?>() {
        override fun createIntent(context: Context, input: PickVisualMediaRequest): Intent = stub()

        final override fun parseResult(resultCode: Int, intent: Intent?): Uri? = stub()

        public sealed interface VisualMediaType

        public object ImageOnly : VisualMediaType

        public object VideoOnly : VisualMediaType

        public object ImageAndVideo : VisualMediaType

        public abstract class DefaultTab private constructor() {
            public object PhotosTab : DefaultTab()

            public object AlbumsTab : DefaultTab()
        }
    }
}
