// SPDX-License-Identifier: Apache-2.0

// A stand-in; see CoreML.swift.

@_exported import CoreGraphics
@_exported import CoreVideo

public class CIImage: NSObject {
  public init(cvPixelBuffer pixelBuffer: CVPixelBuffer) {}
  public var extent: CGRect { fatalError() }
}
public class CIContext: NSObject, @unchecked Sendable {
  public override init() {}
  public func createCGImage(_ image: CIImage, from fromRect: CGRect) -> CGImage? { fatalError() }
}
