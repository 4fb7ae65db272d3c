// SPDX-License-Identifier: Apache-2.0

#if canImport(CoreML)
  import CoreGraphics
  import CoreVideo
  import TemplatePoseCore

  /// Gives the pixels of a buffer to `body`, which must not keep them.
  func withPixels<Result>(
    of buffer: CVPixelBuffer, _ body: (PixelView) throws -> Result
  ) throws -> Result {
    guard CVPixelBufferLockBaseAddress(buffer, .readOnly) == kCVReturnSuccess else {
      throw PoseError.unreadablePixels("the pixel buffer cannot be locked")
    }
    defer { CVPixelBufferUnlockBaseAddress(buffer, .readOnly) }
    let format = CVPixelBufferGetPixelFormatType(buffer)
    switch format {
    case kCVPixelFormatType_32BGRA: return try body(packed(buffer, order: .bgra))
    case kCVPixelFormatType_32RGBA: return try body(packed(buffer, order: .rgba))
    case kCVPixelFormatType_420YpCbCr8BiPlanarFullRange: return try body(planes(buffer, range: .full))
    case kCVPixelFormatType_420YpCbCr8BiPlanarVideoRange: return try body(planes(buffer, range: .video))
    default: throw PoseError.unsupportedPixelFormat(fourCharacterName(format))
    }
  }

  private func packed(_ buffer: CVPixelBuffer, order: ChannelOrder) throws -> PixelView {
    guard let base = CVPixelBufferGetBaseAddress(buffer) else {
      throw PoseError.unreadablePixels("the pixel buffer has no memory of its own")
    }
    let height = CVPixelBufferGetHeight(buffer)
    let bytesPerRow = CVPixelBufferGetBytesPerRow(buffer)
    let bytes = UnsafeRawBufferPointer(start: base, count: bytesPerRow * height)
    return try PixelView(
      bytes, width: CVPixelBufferGetWidth(buffer), height: height, bytesPerRow: bytesPerRow,
      order: order)
  }

  /// One plane of Y, and one of U and V in turn.
  private func planes(_ buffer: CVPixelBuffer, range: YuvColors.Range) throws -> PixelView {
    let y = try plane(0, of: buffer)
    let chroma = try plane(1, of: buffer)
    let stride = CVPixelBufferGetBytesPerRowOfPlane(buffer, 1)
    return try PixelView(
      y: PlaneView(y, bytesPerRow: CVPixelBufferGetBytesPerRowOfPlane(buffer, 0)),
      u: PlaneView(chroma, bytesPerRow: stride, bytesPerSample: 2),
      v: PlaneView(UnsafeRawBufferPointer(rebasing: chroma.dropFirst()), bytesPerRow: stride, bytesPerSample: 2),
      width: CVPixelBufferGetWidth(buffer), height: CVPixelBufferGetHeight(buffer),
      colors: YuvColors(matrix: try matrix(of: buffer), range: range))
  }

  private func plane(_ index: Int, of buffer: CVPixelBuffer) throws -> UnsafeRawBufferPointer {
    guard let base = CVPixelBufferGetBaseAddressOfPlane(buffer, index) else {
      throw PoseError.unreadablePixels("the pixel buffer has no plane \(index) of its own")
    }
    let count = CVPixelBufferGetBytesPerRowOfPlane(buffer, index) * CVPixelBufferGetHeightOfPlane(buffer, index)
    return UnsafeRawBufferPointer(start: base, count: count)
  }

  /// What the buffer says its colours are; cameras say it. A buffer that says nothing is taken for BT.601.
  private func matrix(of buffer: CVPixelBuffer) throws -> YuvColors.Matrix {
    guard let named = CVBufferCopyAttachment(buffer, kCVImageBufferYCbCrMatrixKey, nil) as? String else {
      return .bt601
    }
    if named == kCVImageBufferYCbCrMatrix_ITU_R_601_4 as String { return .bt601 }
    if named == kCVImageBufferYCbCrMatrix_ITU_R_709_2 as String { return .bt709 }
    throw PoseError.unsupportedPixelFormat("YCbCr with the matrix \(named)")
  }

  /// Draws an image, or the part of it that is needed, and gives its pixels to `body`, which must not keep them.
  ///
  /// An RGB image is drawn into its own colour space, so its numbers stay as stored; transparent px are drawn
  /// over black.
  func withPixels<Result>(
    of image: CGImage, needed: PixelRectangle? = nil, _ body: (PixelView) throws -> Result
  ) throws -> Result {
    let size = PixelSize(width: image.width, height: image.height)
    guard size.width > 0, size.height > 0 else { throw PoseError.emptyImage(width: size.width, height: size.height) }
    let part = needed ?? PixelRectangle(of: size)
    let frame = CGRect(x: part.left, y: part.top, width: part.width, height: part.height)
    guard let cropped = part == PixelRectangle(of: size) ? image : image.cropping(to: frame),
      let context = makeContext(for: cropped), let base = context.data
    else {
      throw PoseError.unreadablePixels("no bitmap of \(part.width) x \(part.height) px can be made")
    }
    context.draw(cropped, in: CGRect(x: 0, y: 0, width: part.width, height: part.height))
    let bytes = UnsafeRawBufferPointer(start: base, count: context.bytesPerRow * part.height)
    let view = try PixelView(bytes, part: part, of: size, bytesPerRow: context.bytesPerRow, order: .bgra)
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
