// SPDX-License-Identifier: Apache-2.0

#if canImport(CoreML)
  @preconcurrency import CoreML
  import Foundation
  import TemplatePoseCore

  /// Memory that a model is offered for its outputs, so that it need not make new memory at every run; it may decline.
  ///
  /// Every output is copied out of it before the model runs again.
  func outputBackings(_ description: MLModelDescription, for outputs: [OutputTensor]) -> [String: Any] {
    var found: [String: Any] = [:]
    for output in outputs {
      let constraint = description.outputDescriptionsByName[output.name]?.multiArrayConstraint
      guard let constraint, constraint.shape.map(\.intValue) == [1] + output.shape else { continue }
      found[output.name] = try? MLMultiArray(shape: constraint.shape, dataType: constraint.dataType)
    }
    return found
  }

  /// Copies an output, whatever its strides and type, into dense Floats.
  func read(_ array: MLMultiArray, into output: inout OutputTensor) throws {
    let shape = array.shape.map(\.intValue)
    guard shape == [1] + output.shape else {
      throw PoseError.wrongShape(tensor: output.name, expected: [1] + output.shape, found: shape)
    }
    let type: ElementType
    switch array.dataType {
    case .float16: type = .float16
    case .float32: type = .float32
    case .double: type = .float64
    default:
      throw PoseError.wrongType(tensor: output.name, found: "type \(array.dataType.rawValue)")
    }
    try array.withUnsafeBytes { bytes in
      try readStrided(
        bytes, type: type, shape: shape, strides: array.strides.map(\.intValue),
        tensor: output.name, into: &output.values)
    }
  }
#endif
