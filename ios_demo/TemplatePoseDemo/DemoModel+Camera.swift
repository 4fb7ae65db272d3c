// SPDX-License-Identifier: Apache-2.0

import SwiftUI
import UIKit

extension DemoModel {
  /// Runs the chosen camera, if the person allows it.
  func startCamera() async {
    guard await CameraFeed.isAllowed() else {
      camera = .forbidden
      return
    }
    do {
      camera = .running(try await feed.start(isFront: isFront))
      UIApplication.shared.isIdleTimerDisabled = true
    } catch {
      camera = .failed(error.localizedDescription)
    }
  }

  func stopCamera() {
    feed.stop()
    UIApplication.shared.isIdleTimerDisabled = false
    clear()
  }

  /// Shows the camera in place of a picture of the library.
  func backToCamera() async {
    picture = nil
    await startCamera()
  }

  func switchCamera() async {
    isFront.toggle()
    clear()
    await startCamera()
  }

  /// The preview was turned, or shows another camera.
  func turned(_ rotation: FrameRotation) {
    guard case .running(let camera) = camera else { return }
    estimator.use(rotation, isFront: camera.isFront)
  }

  private func clear() {
    estimator.use(nil as FrameRotation?, isFront: isFront)
    latest.shown = nil
  }
}
