// SPDX-License-Identifier: Apache-2.0

package posekit.demo.app

import android.Manifest
import android.app.Activity
import android.content.pm.PackageManager

/** How things stand between the user and the camera. */
internal enum class CameraAccess {
    ALLOWED,
    NOT_ASKED,

    /** It was refused, and may be asked for again once it is said what for. */
    TO_EXPLAIN,

    /** It was refused for good: only the system's settings can change that. */
    DENIED,
}

/** As the system says; [hasAsked] is whether this app asked since it was started. */
internal fun Activity.cameraAccess(hasAsked: Boolean): CameraAccess = when {
    checkSelfPermission(Manifest.permission.CAMERA) == PackageManager.PERMISSION_GRANTED -> CameraAccess.ALLOWED
    shouldShowRequestPermissionRationale(Manifest.permission.CAMERA) -> CameraAccess.TO_EXPLAIN
    hasAsked -> CameraAccess.DENIED
    else -> CameraAccess.NOT_ASKED
}
