// SPDX-License-Identifier: Apache-2.0

// A stand-in; see CoreML.swift.

public typealias CVReturn = Int32
public typealias OSType = UInt32

public typealias CFString = String
public typealias CVAttachmentMode = UInt32

public class CVBuffer {
  public struct Plane {
    let offset: Int
    let height: Int
    let bytesPerRow: Int

    public init(offset: Int, height: Int, bytesPerRow: Int) {
      self.offset = offset
      self.height = height
      self.bytesPerRow = bytesPerRow
    }
  }

  let bytes: UnsafeMutableRawBufferPointer
  let format: OSType
  let width: Int
  let height: Int
  let bytesPerRow: Int
  let planes: [Plane]
  let attachments: [String: String]
  /// Locks that were not undone.
  public private(set) var locks = 0

  public init(
    standIn bytes: [UInt8], format: OSType, width: Int, height: Int, bytesPerRow: Int, planes: [Plane] = [],
    attachments: [String: String] = [:]
  ) {
    self.bytes = .allocate(byteCount: bytes.count, alignment: 16)
    self.bytes.copyBytes(from: bytes)
    self.format = format
    self.width = width
    self.height = height
    self.bytesPerRow = bytesPerRow
    self.planes = planes
    self.attachments = attachments
  }

  deinit { bytes.deallocate() }

  func lock(_ change: Int) -> CVReturn {
    locks += change
    return kCVReturnSuccess
  }
}

public typealias CVImageBuffer = CVBuffer
public typealias CVPixelBuffer = CVImageBuffer

public struct CVPixelBufferLockFlags: OptionSet, Sendable {
  public let rawValue: UInt64

  public init(rawValue: UInt64) {
    self.rawValue = rawValue
  }

  public static let readOnly = CVPixelBufferLockFlags(rawValue: 1)
}

public let kCVReturnSuccess: CVReturn = 0
public let kCVPixelFormatType_32BGRA: OSType = 0x4247_5241
public let kCVPixelFormatType_32RGBA: OSType = 0x5247_4241
public let kCVPixelFormatType_420YpCbCr8BiPlanarVideoRange: OSType = 0x3432_3076
public let kCVPixelFormatType_420YpCbCr8BiPlanarFullRange: OSType = 0x3432_3066
public let kCVImageBufferYCbCrMatrixKey: CFString = "CVImageBufferYCbCrMatrix"
public let kCVImageBufferYCbCrMatrix_ITU_R_601_4: CFString = "ITU_R_601_4"
public let kCVImageBufferYCbCrMatrix_ITU_R_709_2: CFString = "ITU_R_709_2"

public func CVPixelBufferLockBaseAddress(_ pixelBuffer: CVPixelBuffer, _ lockFlags: CVPixelBufferLockFlags)
  -> CVReturn
{
  pixelBuffer.lock(1)
}
@discardableResult
public func CVPixelBufferUnlockBaseAddress(_ pixelBuffer: CVPixelBuffer, _ unlockFlags: CVPixelBufferLockFlags)
  -> CVReturn
{
  pixelBuffer.lock(-1)
}
public func CVPixelBufferGetPixelFormatType(_ pixelBuffer: CVPixelBuffer) -> OSType { pixelBuffer.format }
public func CVPixelBufferGetWidth(_ pixelBuffer: CVPixelBuffer) -> Int { pixelBuffer.width }
public func CVPixelBufferGetHeight(_ pixelBuffer: CVPixelBuffer) -> Int { pixelBuffer.height }
public func CVPixelBufferGetBytesPerRow(_ pixelBuffer: CVPixelBuffer) -> Int { pixelBuffer.bytesPerRow }
public func CVPixelBufferGetBaseAddress(_ pixelBuffer: CVPixelBuffer) -> UnsafeMutableRawPointer? {
  pixelBuffer.locks > 0 ? pixelBuffer.bytes.baseAddress : nil
}

public func CVPixelBufferGetBaseAddressOfPlane(_ pixelBuffer: CVPixelBuffer, _ planeIndex: Int)
  -> UnsafeMutableRawPointer?
{
  guard pixelBuffer.locks > 0, pixelBuffer.planes.indices.contains(planeIndex) else { return nil }
  return pixelBuffer.bytes.baseAddress.map { $0 + pixelBuffer.planes[planeIndex].offset }
}
public func CVPixelBufferGetBytesPerRowOfPlane(_ pixelBuffer: CVPixelBuffer, _ planeIndex: Int) -> Int {
  pixelBuffer.planes[planeIndex].bytesPerRow
}
public func CVPixelBufferGetHeightOfPlane(_ pixelBuffer: CVPixelBuffer, _ planeIndex: Int) -> Int {
  pixelBuffer.planes[planeIndex].height
}
public func CVBufferCopyAttachment(
  _ buffer: CVBuffer, _ key: CFString, _ attachmentMode: UnsafeMutablePointer<CVAttachmentMode>?
) -> Any? {
  buffer.attachments[key]
}
