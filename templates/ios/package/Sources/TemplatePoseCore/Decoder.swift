// SPDX-License-Identifier: Apache-2.0

/// One output of the model, as dense numbers in row order.
public struct OutputTensor: Sendable {
  public let name: String
  /// Without the batch axis, channels last.
  public let shape: [Int]
  /// As many numbers as `shape` says; written again for every picture.
  public var values: [Float]

  public init(name: String, shape: [Int], values: [Float]) {
    self.name = name
    self.shape = shape
    self.values = values
  }

  /// Zeros of a shape.
  public init(name: String, shape: [Int]) {
    self.init(name: name, shape: shape, values: Array(repeating: 0, count: shape.reduce(1, *)))
  }

  /// - Throws: `PoseError.wrongShape` unless there are `shape` numbers,
  ///   `PoseError.nonFinite` unless all are finite.
  public func check() throws(PoseError) {
    guard values.count == shape.reduce(1, *) else {
      throw .wrongShape(tensor: name, expected: shape, found: [values.count])
    }
    let exponent: UInt32 = 0x7f80_0000  // all ones in NaN and infinity
    var found: UInt32 = 0
    for value in values where value.bitPattern & exponent == exponent { found &+= 1 }
    if found > 0, let index = values.firstIndex(where: { !$0.isFinite }) {
      throw .nonFinite(tensor: name, index: index)
    }
  }
}

/// Turns the outputs of one head into people.
///
/// A decoder is named after the kind in the contract. It keeps its scratch memory from call to call, so one belongs to
/// one thread at a time.
public protocol PoseDecoder: Sendable {
  /// - Throws: `PoseError.wrongSetting`.
  init(settings: DecoderSettings) throws(PoseError)

  /// The outputs that `decode` reads, in its order.
  var outputNames: [String] { get }

  /// - Parameters:
  ///   - outputs: in the order of `outputNames`, all finite.
  ///   - people: empty; filled with whom the outputs stand for, the most confident first, a point a keypoint, input px.
  /// - Throws: `PoseError.wrongShape`, `PoseError.tensorMissing`, or `PoseError.nonFinite` where a result is too large
  ///   for a number.
  mutating func decode(_ outputs: [OutputTensor], into people: inout DecodedPeople) throws(PoseError)
}

extension [OutputTensor] {
  /// The output at `index`, with as many axes as `axes`.
  func tensor(_ index: Int, named name: String, axes: Int) throws(PoseError) -> OutputTensor {
    guard index < count, self[index].name == name else { throw .tensorMissing(name) }
    let found = self[index].shape
    guard found.count == axes, found.allSatisfy({ $0 > 0 }) else {
      throw .wrongShape(tensor: name, expected: Array<Int>(repeating: -1, count: axes), found: found)
    }
    return self[index]
  }
}
