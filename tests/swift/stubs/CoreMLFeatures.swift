// SPDX-License-Identifier: Apache-2.0

// The tensors of the stand-in; see CoreML.swift.

import Foundation

public enum MLMultiArrayDataType: Int, Sendable {
  case double = 65600
  case float32 = 65568
  case float16 = 65552
  case int32 = 131104
}

public class MLMultiArray: NSObject {
  public let dataType: MLMultiArrayDataType
  public let shape: [NSNumber]
  public let strides: [NSNumber]
  private let memory: UnsafeMutableRawPointer
  private let deallocator: ((UnsafeMutableRawPointer) -> Void)?

  public init(
    dataPointer: UnsafeMutableRawPointer, shape: [NSNumber], dataType: MLMultiArrayDataType, strides: [NSNumber],
    deallocator: ((UnsafeMutableRawPointer) -> Void)? = nil
  ) throws {
    self.memory = dataPointer
    self.shape = shape
    self.dataType = dataType
    self.strides = strides
    self.deallocator = deallocator
  }

  public convenience init(shape: [NSNumber], dataType: MLMultiArrayDataType) throws {
    let lengths = shape.map(\.intValue)
    let strides = lengths.indices.map { NSNumber(value: lengths[($0 + 1)...].reduce(1, *)) }
    let memory = UnsafeMutableRawPointer.allocate(byteCount: lengths.reduce(8, *), alignment: 16)
    try self.init(
      dataPointer: memory, shape: shape, dataType: dataType, strides: strides, deallocator: { $0.deallocate() })
  }

  deinit { deallocator?(memory) }

  public var count: Int { shape.reduce(1) { $0 * $1.intValue } }

  public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    let last = zip(shape, strides).reduce(0) { $0 + ($1.0.intValue - 1) * $1.1.intValue }
    let size = [.double: 8, .float32: 4, .int32: 4, .float16: 2][dataType] ?? 0
    return try body(UnsafeRawBufferPointer(start: memory, count: (last + 1) * size))
  }
}

public class MLFeatureValue: NSObject {
  public let multiArrayValue: MLMultiArray?

  public init(multiArray: MLMultiArray) {
    multiArrayValue = multiArray
  }
}

public protocol MLFeatureProvider {
  var featureNames: Set<String> { get }
  func featureValue(for featureName: String) -> MLFeatureValue?
}

public class MLDictionaryFeatureProvider: NSObject, MLFeatureProvider {
  private let values: [String: Any]

  public init(dictionary: [String: Any]) throws {
    values = dictionary
  }

  public var featureNames: Set<String> { Set(values.keys) }

  public func featureValue(for featureName: String) -> MLFeatureValue? {
    values[featureName] as? MLFeatureValue
  }
}
