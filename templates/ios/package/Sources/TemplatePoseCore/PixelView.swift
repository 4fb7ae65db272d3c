// SPDX-License-Identifier: Apache-2.0

/// Where red, green and blue lie in a pixel of 8-bit channels.
public enum ChannelOrder: Sendable {
  case bgra
  case rgba
  case rgb

  /// Bytes from one pixel to the next.
  public var bytesPerPixel: Int { self == .rgb ? 3 : 4 }

  var red: Int { self == .bgra ? 2 : 0 }
  var blue: Int { self == .bgra ? 0 : 2 }
}

/// A picture in somebody else's memory, as stored; valid only as long as that memory is.
public struct PixelView {
  enum Layout {
    case packed(PackedPixels)
    case yuv(YuvPixels)
  }

  let layout: Layout
  /// Stored size, px.
  public let size: PixelSize

  /// A picture of red, green and blue.
  /// - Parameters:
  ///   - buffer: the first byte of the first row, to at least the last pixel of the last row.
  ///   - width: px.
  ///   - height: px.
  ///   - bytesPerRow: at least `width` times the bytes of a pixel.
  ///   - order: where the colours are.
  /// - Throws: `PoseError.emptyImage` or `PoseError.unreadablePixels`.
  public init(
    _ buffer: UnsafeRawBufferPointer, width: Int, height: Int, bytesPerRow: Int, order: ChannelOrder
  ) throws(PoseError) {
    guard width > 0, height > 0 else { throw .emptyImage(width: width, height: height) }
    let plane = PlaneView(buffer, bytesPerRow: bytesPerRow, bytesPerSample: order.bytesPerPixel)
    let bytes = try plane.checked("RGB", width: width, height: height, sampleBytes: order.bytesPerPixel)
    layout = .packed(PackedPixels(bytes: bytes, bytesPerRow: bytesPerRow, order: order))
    size = PixelSize(width: width, height: height)
  }

  /// A picture of which only a part is in memory: the px that `PoseProcessor.needed` names.
  /// - Parameters:
  ///   - buffer: the first byte of the part's first row, to at least the last pixel of its last row.
  ///   - part: where in the picture it lies.
  ///   - size: of the whole picture, px.
  /// - Throws: `PoseError.emptyImage` or `PoseError.unreadablePixels`.
  public init(
    _ buffer: UnsafeRawBufferPointer, part: PixelRectangle, of size: PixelSize, bytesPerRow: Int, order: ChannelOrder
  ) throws(PoseError) {
    guard part.width > 0, part.height > 0 else { throw .emptyImage(width: part.width, height: part.height) }
    let plane = PlaneView(buffer, bytesPerRow: bytesPerRow, bytesPerSample: order.bytesPerPixel)
    let bytes = try plane.checked("RGB", width: part.width, height: part.height, sampleBytes: order.bytesPerPixel)
    layout = .packed(
      PackedPixels(bytes: bytes, bytesPerRow: bytesPerRow, order: order, part: (part.left, part.top)))
    self.size = size
  }

  /// A camera's frame of three planes, of which those of U and V have a sample for every 2 x 2 px: `420f`, `420v`.
  /// - Parameters:
  ///   - width: px.
  ///   - height: px.
  ///   - colors: what the numbers mean.
  /// - Throws: `PoseError.emptyImage` or `PoseError.unreadablePixels`.
  public init(
    y: PlaneView, u: PlaneView, v: PlaneView, width: Int, height: Int, colors: YuvColors
  ) throws(PoseError) {
    guard width > 0, height > 0 else { throw .emptyImage(width: width, height: height) }
    layout = .yuv(try YuvPixels(y: y, u: u, v: v, width: width, height: height, colors: colors))
    size = PixelSize(width: width, height: height)
  }
}

/// A plane of 8-bit samples in somebody else's memory.
public struct PlaneView {
  let buffer: UnsafeRawBufferPointer
  let bytesPerRow: Int
  let bytesPerSample: Int

  /// - Parameters:
  ///   - buffer: from the first byte of the first sample to at least the last sample.
  ///   - bytesPerRow: from one row to the next.
  ///   - bytesPerSample: from one sample to the next; 2 where U and V lie in turn.
  public init(_ buffer: UnsafeRawBufferPointer, bytesPerRow: Int, bytesPerSample: Int = 1) {
    self.buffer = buffer
    self.bytesPerRow = bytesPerRow
    self.bytesPerSample = bytesPerSample
  }

  /// The first byte, where there are enough of them.
  func checked(_ name: String, width: Int, height: Int, sampleBytes: Int) throws(PoseError) -> UnsafePointer<UInt8> {
    let before = (width - 1).multipliedReportingOverflow(by: bytesPerSample)
    let rowBytes = before.partialValue.addingReportingOverflow(sampleBytes)
    let skipped = bytesPerRow.multipliedReportingOverflow(by: height - 1)
    let overflows = before.overflow || rowBytes.overflow || skipped.overflow
    guard !overflows, bytesPerSample >= sampleBytes, bytesPerRow >= rowBytes.partialValue else {
      throw .unreadablePixels("\(name): \(bytesPerRow) bytes a row do not hold \(width) px")
    }
    let needed = skipped.partialValue.addingReportingOverflow(rowBytes.partialValue)
    guard let base = buffer.baseAddress, !needed.overflow, buffer.count >= needed.partialValue else {
      throw .unreadablePixels("\(name): \(buffer.count) bytes do not hold \(width) x \(height) px")
    }
    return base.assumingMemoryBound(to: UInt8.self)
  }
}

/// The name of a pixel format, say 420v, or its number where it has none.
public func fourCharacterName(_ code: UInt32) -> String {
  let bytes = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: code >> UInt32($0)) }
  guard bytes.allSatisfy({ (0x20...0x7e).contains($0) }) else { return String(code) }
  return String(decoding: bytes, as: UTF8.self)
}
