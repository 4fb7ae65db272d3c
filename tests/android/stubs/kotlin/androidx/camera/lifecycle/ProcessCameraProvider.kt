// SPDX-License-Identifier: Apache-2.0
// Signature stubs, never shipped: enough of the public API for the type checker, no behaviour.
// After camera-lifecycle's API list of 1.7.0-rc01.
package androidx.camera.lifecycle

import android.content.Context
import androidx.camera.core.Camera
import androidx.camera.core.CameraInfoUnavailableException
import androidx.camera.core.CameraSelector
import androidx.camera.core.UseCase
import androidx.lifecycle.LifecycleOwner
import com.google.common.util.concurrent.ListenableFuture

private fun stub(): Nothing = throw UnsupportedOperationException("stub")

public class ProcessCameraProvider internal constructor() {
    public fun bindToLifecycle(
        lifecycleOwner: LifecycleOwner,
        cameraSelector: CameraSelector,
        vararg useCases: UseCase?,
    ): Camera = stub()

    @Throws(CameraInfoUnavailableException::class)
    public fun hasCamera(cameraSelector: CameraSelector): Boolean = stub()

    public fun isBound(useCase: UseCase): Boolean = stub()

    public fun unbind(vararg useCases: UseCase?): Unit = stub()

    public fun unbindAll(): Unit = stub()

    public companion object {
        @JvmStatic
        public fun getInstance(context: Context): ListenableFuture<ProcessCameraProvider> = stub()
    }
}
