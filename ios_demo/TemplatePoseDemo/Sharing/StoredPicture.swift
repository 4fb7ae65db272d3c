// SPDX-License-Identifier: Apache-2.0

import CoreGraphics
import Foundation
import ImageIO

/// A picture as it is stored, and how it becomes upright; a `CGImage` never changes.
struct StoredPicture: @unchecked Sendable {
  let image: CGImage
  let orientation: CGImagePropertyOrientation

  /// The picture of a file's bytes, as stored, no side longer than 4096 px; read off the main thread.
  static func read(_ data: Data) async throws -> StoredPicture {
    let options: [CFString: Any] = [
      kCGImageSourceCreateThumbnailFromImageAlways: true, kCGImageSourceThumbnailMaxPixelSize: 4096,
      kCGImageSourceCreateThumbnailWithTransform: false,
    ]
    guard let source = CGImageSourceCreateWithData(data as CFData, nil),
      let image = CGImageSourceCreateThumbnailAtIndex(source, 0, options as CFDictionary)
    else { throw DemoError("The picture cannot be read.") }
    let properties = CGImageSourceCopyPropertiesAtIndex(source, 0, nil) as NSDictionary?
    let value = (properties?[kCGImagePropertyOrientation] as? NSNumber)?.uint32Value
    return StoredPicture(image: image, orientation: value.flatMap { CGImagePropertyOrientation(rawValue: $0) } ?? .up)
  }
}
