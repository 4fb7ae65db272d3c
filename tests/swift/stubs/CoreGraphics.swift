// SPDX-License-Identifier: Apache-2.0

// A stand-in; see CoreML.swift. CGRect is Foundation's here, as are CGColorSpace's colours: there are none.

@_exported import Foundation

public enum CGColorSpaceModel: Int32, Sendable {
  case unknown = -1
  case monochrome
  case rgb
}

public class CGColorSpace {
  public var model: CGColorSpaceModel { .rgb }
}

public func CGColorSpaceCreateDeviceRGB() -> CGColorSpace { CGColorSpace() }

public enum CGImageAlphaInfo: UInt32, Sendable {
  case none = 0
  case premultipliedLast = 1
  case noneSkipLast = 5
  case noneSkipFirst = 6
}

public struct CGBitmapInfo: OptionSet, Sendable {
  public let rawValue: UInt32

  public init(rawValue: UInt32) {
    self.rawValue = rawValue
  }

  public static let byteOrder32Little = CGBitmapInfo(rawValue: 2 << 12)
}

public class CGImage {
  public let width: Int
  public let height: Int
  public let colorSpace: CGColorSpace?
  let bgra: [UInt8]

  public init(standIn bgra: [UInt8], width: Int, height: Int) {
    self.bgra = bgra
    self.width = width
    self.height = height
    self.colorSpace = CGColorSpace()
  }
}

extension CGImage {
  public func cropping(to rect: CGRect) -> CGImage? {
    let (left, top, columns, rows) = (Int(rect.minX), Int(rect.minY), Int(rect.width), Int(rect.height))
    guard left >= 0, top >= 0, columns > 0, rows > 0, left + columns <= width, top + rows <= height else { return nil }
    var bytes: [UInt8] = []
    for row in top..<top + rows {
      let start = (row * width + left) * 4
      bytes += bgra[start..<start + columns * 4]
    }
    return CGImage(standIn: bytes, width: columns, height: rows)
  }
}

public class CGContext {
  /// Of the latest picture that was drawn.
  nonisolated(unsafe) public static var standInDrawn = (width: 0, height: 0)

  public let bytesPerRow: Int
  private let memory: UnsafeMutableRawBufferPointer

  public init?(
    data: UnsafeMutableRawPointer?, width: Int, height: Int, bitsPerComponent: Int, bytesPerRow: Int,
    space: CGColorSpace, bitmapInfo: UInt32
  ) {
    // 32-bit little-endian words with the spare byte first in the word lie in memory as BGRX
    let bgrx = CGImageAlphaInfo.noneSkipFirst.rawValue | CGBitmapInfo.byteOrder32Little.rawValue
    guard bitsPerComponent == 8, bitmapInfo == bgrx else { return nil }
    self.bytesPerRow = width * 4 + 20
    memory = .allocate(byteCount: self.bytesPerRow * height, alignment: 16)
  }

  deinit { memory.deallocate() }

  public var data: UnsafeMutableRawPointer? { memory.baseAddress }

  public func draw(_ image: CGImage, in rect: CGRect, byTiling: Bool = false) {
    Self.standInDrawn = (image.width, image.height)
    for row in 0..<image.height {
      for byte in 0..<image.width * 4 {
        memory[row * bytesPerRow + byte] = image.bgra[row * image.width * 4 + byte]
      }
    }
  }
}
