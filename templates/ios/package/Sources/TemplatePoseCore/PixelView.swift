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
  let bytes: UnsafeRawPointer
  /// Stored size, px.
  public let size: PixelSize
  /// Bytes from one row to the next, padding included.
  public let bytesPerRow: Int
  /// Where the colours are.
  public let order: ChannelOrder

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
    let rowBytes = width.multipliedReportingOverflow(by: order.bytesPerPixel)
    let skipped = bytesPerRow.multipliedReportingOverflow(by: height - 1)
    guard !rowBytes.overflow, !skipped.overflow, bytesPerRow >= rowBytes.partialValue else {
      throw .unreadablePixels("\(bytesPerRow) bytes a row do not hold \(width) px")
    }
    let needed = skipped.partialValue.addingReportingOverflow(rowBytes.partialValue)
    guard let base = buffer.baseAddress, !needed.overflow, buffer.count >= needed.partialValue else {
      throw .unreadablePixels("\(buffer.count) bytes do not hold \(width) x \(height) px")
    }
    self.bytes = base
    self.size = PixelSize(width: width, height: height)
    self.bytesPerRow = bytesPerRow
    self.order = order
  }
}

/// The name of a pixel format, say 420v, or its number where it has none.
public func fourCharacterName(_ code: UInt32) -> String {
  let bytes = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: code >> UInt32($0)) }
  guard bytes.allSatisfy({ (0x20...0x7e).contains($0) }) else { return String(code) }
  return String(decoding: bytes, as: UTF8.self)
}
