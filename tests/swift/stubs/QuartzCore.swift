// SPDX-License-Identifier: Apache-2.0

// A stand-in; see CoreML.swift. Key-value observation, which is Foundation's on Apple's systems only, is here too.

@_exported import CoreGraphics

open class CALayer: NSObject {}

public class NSKeyValueObservation: NSObject {
  public func invalidate() {}
}
public struct NSKeyValueObservingOptions: OptionSet, Sendable {
  public let rawValue: UInt
  public init(rawValue: UInt) { self.rawValue = rawValue }
  public static let new = NSKeyValueObservingOptions(rawValue: 1)
  public static let initial = NSKeyValueObservingOptions(rawValue: 4)
}
public struct NSKeyValueObservedChange<Value> {
  public let newValue: Value?
}
public protocol StandInObservable: NSObjectProtocol {}
extension NSObject: StandInObservable {}
extension StandInObservable {
  public func observe<Value>(
    _ keyPath: KeyPath<Self, Value>, options: NSKeyValueObservingOptions = [],
    changeHandler: @escaping @Sendable (Self, NSKeyValueObservedChange<Value>) -> Void
  ) -> NSKeyValueObservation { fatalError() }
}
