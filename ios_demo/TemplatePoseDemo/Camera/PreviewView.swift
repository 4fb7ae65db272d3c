// SPDX-License-Identifier: Apache-2.0

@preconcurrency import AVFoundation
import SwiftUI
import UIKit

/// The camera's picture, with what the model sees over it.
final class PreviewView: UIView {
  override class var layerClass: AnyClass { AVCaptureVideoPreviewLayer.self }

  let overlay = OverlayView(frame: .zero)

  var preview: AVCaptureVideoPreviewLayer {
    guard let preview = layer as? AVCaptureVideoPreviewLayer else { preconditionFailure("layerClass says so") }
    return preview
  }

  /// Told when the screen is turned.
  var screenTurned: (UIInterfaceOrientation) -> Void = { _ in }

  var interface: UIInterfaceOrientation { window?.windowScene?.interfaceOrientation ?? .portrait }

  override init(frame: CGRect) {
    super.init(frame: frame)
    backgroundColor = .black
    preview.videoGravity = .resizeAspectFill
    addSubview(overlay)
  }

  required init?(coder: NSCoder) {
    fatalError("made in code alone")
  }

  override func layoutSubviews() {
    super.layoutSubviews()
    overlay.frame = bounds
    screenTurned(interface)
  }
}

/// The same for SwiftUI.
struct LiveView: UIViewRepresentable {
  let session: AVCaptureSession
  let camera: RunningCamera
  @ObservedObject var latest: LatestFrame
  let rotated: @MainActor (FrameRotation) -> Void

  @MainActor
  final class Coordinator {
    var rotation: PreviewRotation?
    var followed: RunningCamera.ID?
  }

  func makeCoordinator() -> Coordinator { Coordinator() }

  func makeUIView(context: Context) -> PreviewView {
    let view = PreviewView(frame: .zero)
    view.preview.session = session
    let rotation = PreviewRotation(layer: view.preview, changed: rotated)
    view.screenTurned = { rotation.screenTurned(to: $0) }
    context.coordinator.rotation = rotation
    return view
  }

  func updateUIView(_ view: PreviewView, context: Context) {
    if context.coordinator.followed != camera.id {
      context.coordinator.followed = camera.id
      context.coordinator.rotation?.follow(camera, interface: view.interface)
    }
    view.overlay.shown = latest.shown
  }
}
