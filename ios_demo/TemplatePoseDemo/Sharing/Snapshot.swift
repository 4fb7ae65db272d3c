// SPDX-License-Identifier: Apache-2.0

import UIKit
import TemplatePose
import TemplatePoseCore

/// A picture with what the model saw in it, drawn and written off the main thread; a `UIImage` never changes.
struct DrawnPicture: @unchecked Sendable {
  let image: UIImage

  init(_ seen: SeenPicture) async {
    image = drawn(seen)
  }

  /// Writes a JPEG file to share; returns it.
  func write() async throws -> URL {
    guard let data = image.jpegData(compressionQuality: 0.9) else {
      throw DemoError("The picture cannot be written.")
    }
    let file = FileManager.default.temporaryDirectory.appendingPathComponent("TemplatePose.jpg")
    try data.write(to: file, options: .atomic)
    return file
  }
}

/// The upright picture, mirrored where it was shown so, with everybody's skeleton.
private func drawn(_ seen: SeenPicture) -> UIImage {
  let (width, height) = (Double(seen.shown.frame.size.width), Double(seen.shown.frame.size.height))
  let mapping = ViewMapping(
    picture: seen.shown.frame.size, viewWidth: width, viewHeight: height, fit: .fit, mirrored: seen.shown.isMirrored)
  let format = UIGraphicsImageRendererFormat()
  format.scale = 1
  return UIGraphicsImageRenderer(size: CGSize(width: width, height: height), format: format).image { renderer in
    let context = renderer.cgContext
    context.saveGState()
    if seen.shown.isMirrored {
      context.concatenate(CGAffineTransform(a: -1, b: 0, c: 0, d: 1, tx: width, ty: 0))
    }
    UIImage(cgImage: seen.image, scale: 1, orientation: UIImage.Orientation(seen.orientation))
      .draw(in: CGRect(x: 0, y: 0, width: width, height: height))
    context.restoreGState()
    drawFrame(seen.shown, through: mapping, lineWidth: max(2, min(width, height) / 180), in: context)
  }
}

extension UIImage.Orientation {
  /// UIKit numbers the same eight in another order.
  init(_ orientation: CGImagePropertyOrientation) {
    self =
      switch orientation {
      case .up: .up
      case .upMirrored: .upMirrored
      case .down: .down
      case .downMirrored: .downMirrored
      case .leftMirrored: .leftMirrored
      case .right: .right
      case .rightMirrored: .rightMirrored
      case .left: .left
      }
  }
}
