// SPDX-License-Identifier: Apache-2.0

#if canImport(CoreML)
  import CoreGraphics
  import CoreVideo
  import TemplatePoseCore

  /// Gives the pixels of a buffer to `body`, which must not keep them.
  func withPixels<Result>(
    of buffer: CVPixelBuffer, _ body: (PixelView) throws -> Result
  ) throws -> Result {
    let format = CVPixelBufferGetPixelFormatType(buffer)
    let order: ChannelOrder
    switch format {
    case kCVPixelFormatType_32BGRA: order = .bgra
    case kCVPixelFormatType_32RGBA: order = .rgba
    default: throw PoseError.unsupportedPixelFormat(fourCharacterName(format))
    }
    guard CVPixelBufferLockBaseAddress(buffer, .readOnly) == kCVReturnSuccess else {
      throw PoseError.unreadablePixels("the pixel buffer cannot be locked")
    }
    defer { CVPixelBufferUnlockBaseAddress(buffer, .readOnly) }
    guard let base = CVPixelBufferGetBaseAddress(buffer) else {
      throw PoseError.unreadablePixels("the pixel buffer has no memory of its own")
    }
    let height = CVPixelBufferGetHeight(buffer)
    let bytesPerRow = CVPixelBufferGetBytesPerRow(buffer)
    let bytes = UnsafeRawBufferPointer(start: base, count: bytesPerRow * height)
    let view = try PixelView(
      bytes, width: CVPixelBufferGetWidth(buffer), height: height, bytesPerRow: bytesPerRow,
      order: order)
    return try body(view)
  }

  /// Draws an image, and gives its pixels to `body`, which must not keep them.
  ///
  /// An RGB image is drawn into its own colour space, so its numbers stay as stored; transparent px are drawn
  /// over black.
  func withPixels<Result>(of image: CGImage, _ body: (PixelView) throws -> Result) throws -> Result {
    guard image.width > 0, image.height > 0 else {
      throw PoseError.emptyImage(width: image.width, height: image.height)
    }
    guard let context = makeContext(for: image), let base = context.data else {
      throw PoseError.unreadablePixels("no bitmap of \(image.width) x \(image.height) px can be made")
    }
    context.draw(image, in: CGRect(x: 0, y: 0, width: image.width, height: image.height))
    let bytes = UnsafeRawBufferPointer(start: base, count: context.bytesPerRow * image.height)
    let view = try PixelView(
      bytes, width: image.width, height: image.height, bytesPerRow: context.bytesPerRow, order: .bgra)
    return try withExtendedLifetime(context) { try body(view) }
  }

  private func makeContext(for image: CGImage) -> CGContext? {
    let layout = CGImageAlphaInfo.noneSkipFirst.rawValue | CGBitmapInfo.byteOrder32Little.rawValue
    func context(in space: CGColorSpace) -> CGContext? {
      CGContext(
        data: nil, width: image.width, height: image.height, bitsPerComponent: 8, bytesPerRow: 0,
        space: space, bitmapInfo: layout)
    }
    if let own = image.colorSpace, own.model == .rgb, let made = context(in: own) { return made }
    return context(in: CGColorSpaceCreateDeviceRGB())
  }
#endif
