// SPDX-License-Identifier: Apache-2.0

// A stand-in; see CoreML.swift.

@_exported import CoreGraphics
@_exported import Foundation
@_exported import ImageIO
@_exported import QuartzCore

/// Of MacTypes.h, which Apple's Foundation brings: a name that is not the package's alone.
public struct Point {}

public enum UIInterfaceOrientation: Int, Sendable {
  case unknown
  case portrait
  case portraitUpsideDown
  case landscapeRight
  case landscapeLeft
}

@MainActor open class UIResponder: NSObject {}
@MainActor public final class UIApplication: UIResponder {
  public static var shared: UIApplication { fatalError() }
  public nonisolated static let openSettingsURLString = "app-settings:"
  public var isIdleTimerDisabled = false
}
@MainActor public class UIWindowScene: UIResponder {
  public var interfaceOrientation: UIInterfaceOrientation { fatalError() }
}
@MainActor open class UIView: UIResponder {
  public enum ContentMode: Int, Sendable {
    case redraw = 3
  }
  open class var layerClass: AnyClass { CALayer.self }
  public var layer: CALayer { fatalError() }
  public var frame = CGRect.zero
  public var bounds = CGRect.zero
  public var window: UIWindow? { fatalError() }
  public var backgroundColor: UIColor?
  public var isOpaque = true
  public var isUserInteractionEnabled = true
  public var contentMode = ContentMode.redraw
  public init(frame: CGRect) {}
  public required init?(coder: NSCoder) {}
  public func addSubview(_ view: UIView) {}
  open func layoutSubviews() {}
  open func setNeedsDisplay() {}
  open func draw(_ rect: CGRect) {}
}
@MainActor open class UIWindow: UIView {
  public var windowScene: UIWindowScene? { fatalError() }
}
@MainActor open class UIViewController: UIResponder {}
@MainActor open class UIActivity: NSObject {}
@MainActor public class UIActivityViewController: UIViewController {
  public init(activityItems: [Any], applicationActivities: [UIActivity]?) {}
}

public class UIColor: NSObject, @unchecked Sendable {
  public static let black = UIColor(hue: 0, saturation: 0, brightness: 0, alpha: 1)
  public init(hue: CGFloat, saturation: CGFloat, brightness: CGFloat, alpha: CGFloat) {}
  public var cgColor: CGColor { fatalError() }
}
public class UIFont: NSObject, @unchecked Sendable {
  public class func boldSystemFont(ofSize fontSize: CGFloat) -> UIFont { fatalError() }
}
extension NSAttributedString.Key {
  public static let font = NSAttributedString.Key(rawValue: "NSFont")
  public static let foregroundColor = NSAttributedString.Key(rawValue: "NSColor")
}
extension NSAttributedString {
  public func size() -> CGSize { fatalError() }
  public func draw(at point: CGPoint) {}
}

public class UIImage: NSObject {
  public enum Orientation: Int, Sendable {
    case up
    case down
    case left
    case right
    case upMirrored
    case downMirrored
    case leftMirrored
    case rightMirrored
  }
  public init(cgImage: CGImage) {}
  public init(cgImage: CGImage, scale: CGFloat, orientation: Orientation) {}
  public func draw(in rect: CGRect) {}
  public func jpegData(compressionQuality: CGFloat) -> Data? { fatalError() }
}
public func UIGraphicsGetCurrentContext() -> CGContext? { fatalError() }
public class UIGraphicsImageRendererFormat: NSObject {
  public var scale: CGFloat = 1
}
public class UIGraphicsImageRendererContext: NSObject {
  public var cgContext: CGContext { fatalError() }
}
public class UIGraphicsImageRenderer: NSObject {
  public init(size: CGSize, format: UIGraphicsImageRendererFormat) {}
  public func image(actions: (UIGraphicsImageRendererContext) -> Void) -> UIImage { fatalError() }
}
