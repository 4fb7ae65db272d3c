// SPDX-License-Identifier: Apache-2.0

@preconcurrency import AVFoundation
import UIKit

/// Keeps a camera's preview upright, and says how its frames become what the preview shows.
@MainActor
final class PreviewRotation {
  private let layer: AVCaptureVideoPreviewLayer
  private let changed: @MainActor (FrameRotation) -> Void
  private var camera: RunningCamera?
  private var coordinator: AnyObject?  // AVCaptureDevice.RotationCoordinator, from iOS 17 on
  private var observation: NSKeyValueObservation?

  /// - Parameter changed: told of every turn, and of the first.
  init(layer: AVCaptureVideoPreviewLayer, changed: @escaping @MainActor (FrameRotation) -> Void) {
    self.layer = layer
    self.changed = changed
  }

  /// - Parameter interface: how the screen is turned, for iOS 16.
  func follow(_ camera: RunningCamera, interface: UIInterfaceOrientation) {
    self.camera = camera
    mirror(camera.isFront)
    guard #available(iOS 17, *) else {
      screenTurned(to: interface)
      return
    }
    let coordinator = AVCaptureDevice.RotationCoordinator(device: camera.device, previewLayer: layer)
    self.coordinator = coordinator
    observation = coordinator.observe(\.videoRotationAngleForHorizonLevelPreview) { [weak self] _, _ in
      MainActor.assumeIsolated { self?.apply() }  // the coordinator tells of it on the main queue
    }
    apply()
  }

  /// Before iOS 17 the screen says how the phone is held.
  func screenTurned(to interface: UIInterfaceOrientation) {
    if #available(iOS 17, *) { return }
    guard let camera else { return }
    if let connection = layer.connection, connection.isVideoOrientationSupported,
      let orientation = AVCaptureVideoOrientation(rawValue: interface.rawValue)
    {
      connection.videoOrientation = orientation
    }
    changed(FrameRotation(interface: interface, isFront: camera.isFront))
  }

  private func apply() {
    guard #available(iOS 17, *), let coordinator = coordinator as? AVCaptureDevice.RotationCoordinator else { return }
    let angle = coordinator.videoRotationAngleForHorizonLevelPreview
    if let connection = layer.connection, connection.isVideoRotationAngleSupported(angle) {
      connection.videoRotationAngle = angle
    }
    changed(FrameRotation(angle: Double(angle)))
  }

  private func mirror(_ isFront: Bool) {
    guard let connection = layer.connection, connection.isVideoMirroringSupported else { return }
    connection.automaticallyAdjustsVideoMirroring = false
    connection.isVideoMirrored = isFront
  }
}
