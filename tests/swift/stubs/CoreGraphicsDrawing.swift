// SPDX-License-Identifier: Apache-2.0

// What draws; see CoreML.swift.

import Foundation

public struct CGAffineTransform: Equatable, Sendable {
  public init(a: CGFloat, b: CGFloat, c: CGFloat, d: CGFloat, tx: CGFloat, ty: CGFloat) {}
}
public class CGColor {}
public enum CGLineCap: Int32, Sendable {
  case butt
  case round
  case square
}
public enum CGColorRenderingIntent: Int32, Sendable {
  case defaultIntent
}
public typealias CFData = NSData
public typealias CFDictionary = NSDictionary

public class CGDataProvider {
  public init?(data: CFData) { fatalError() }
}

extension CGImage {
  public convenience init?(
    width: Int, height: Int, bitsPerComponent: Int, bitsPerPixel: Int, bytesPerRow: Int, space: CGColorSpace,
    bitmapInfo: CGBitmapInfo, provider: CGDataProvider, decode: UnsafePointer<CGFloat>?, shouldInterpolate: Bool,
    intent: CGColorRenderingIntent
  ) { fatalError() }
}

extension CGContext {
  public func saveGState() {}
  public func restoreGState() {}
  public func concatenate(_ transform: CGAffineTransform) {}
  public func setLineCap(_ cap: CGLineCap) {}
  public func setLineWidth(_ width: CGFloat) {}
  public func setStrokeColor(_ color: CGColor) {}
  public func setFillColor(_ color: CGColor) {}
  public func move(to point: CGPoint) {}
  public func addLine(to point: CGPoint) {}
  public func strokePath() {}
  public func stroke(_ rect: CGRect) {}
  public func fillEllipse(in rect: CGRect) {}
}
