// SPDX-License-Identifier: Apache-2.0

import ImageIO
import UIKit

/// By how many degrees clockwise a stored frame is turned to be upright: 0, 90, 180 or 270.
struct FrameRotation: Equatable, Sendable {
  let degrees: Int

  /// The quarter turn next to an angle, as `AVCaptureDevice.RotationCoordinator` gives it.
  init(angle: Double) {
    let quarters = Int((angle / 90).rounded()) % 4
    degrees = (quarters + 4) % 4 * 90
  }

  /// What makes a frame of one of the phone's own cameras upright on a screen that is turned so; for iOS 16.
  ///
  /// The sensors lie across the phone, that of the front camera the other way round.
  init(interface: UIInterfaceOrientation, isFront: Bool) {
    switch interface {
    case .landscapeRight: degrees = isFront ? 180 : 0
    case .landscapeLeft: degrees = isFront ? 0 : 180
    case .portraitUpsideDown: degrees = 270
    default: degrees = 90
    }
  }

  /// The same in the words of pictures.
  var orientation: CGImagePropertyOrientation {
    switch degrees {
    case 90: .right
    case 180: .down
    case 270: .left
    default: .up
    }
  }
}
