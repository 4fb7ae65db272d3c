// SPDX-License-Identifier: Apache-2.0
// Signature stubs, never shipped: enough of the public API for the type checker, no behaviour.
// After camera-core's API list of 1.7.0-rc01.
package androidx.camera.core;

public final class CameraInfoUnavailableException extends Exception {
    CameraInfoUnavailableException() {}
}
