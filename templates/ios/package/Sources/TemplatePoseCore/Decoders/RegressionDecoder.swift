// SPDX-License-Identifier: Apache-2.0

/// Coordinates given as numbers: K rows of `fields`.
public struct RegressionDecoder: PoseDecoder {
  /// What a number of a row is.
  public enum Field: Sendable {
    case x
    case y
    case z
    case score
    case skip
  }

  /// What a coordinate counts in.
  public enum ValueRange: Sendable {
    /// 0 to 1 over the input.
    case unit
    /// -1 to 1 over the input.
    case signedUnit
    /// Input px.
    case inputPx
  }

  /// What turns a raw score into a score.
  public enum Activation: Sendable {
    case none
    case sigmoid
  }

  private let output: String
  private let fieldCount: Int
  private let columnX: Int
  private let columnY: Int
  private let columnZ: Int?
  private let columnScore: Int?
  private let range: ValueRange
  private let activation: Activation

  /// - Parameters:
  ///   - output: name of the output, of any shape that holds K rows of `fields`.
  ///   - fields: what the numbers of a row are; x and y once, z and score at most once.
  ///   - range: what a coordinate counts in.
  ///   - activation: what turns a raw score into a score; without `.score` every score is 1.
  public init(output: String, fields: [Field], range: ValueRange, activation: Activation = .none) {
    self.output = output
    self.fieldCount = fields.count
    self.columnX = fields.firstIndex(of: .x) ?? 0
    self.columnY = fields.firstIndex(of: .y) ?? 1
    self.columnZ = fields.firstIndex(of: .z)
    self.columnScore = fields.firstIndex(of: .score)
    self.range = range
    self.activation = activation
  }

  public var outputNames: [String] { [output] }

  public func decode(
    _ outputs: [OutputTensor], size: PixelSize, into points: inout [PosePoint]
  ) throws(PoseError) {
    guard let rows = outputs.first, rows.name == output else { throw .tensorMissing(output) }
    let values = rows.values
    let (width, height) = (Double(size.width), Double(size.height))
    guard fieldCount >= 2, values.count % fieldCount == 0 else {
      throw .wrongShape(tensor: output, expected: [-1, fieldCount], found: rows.shape)
    }
    points.removeAll(keepingCapacity: true)
    for start in stride(from: 0, to: values.count, by: fieldCount) {
      let raw = columnScore.map { Double(values[start + $0]) }
      points.append(
        PosePoint(
          x: toInputPx(values[start + columnX], size: width),
          y: toInputPx(values[start + columnY], size: height),
          z: columnZ.map { depthToInputPx(values[start + $0], size: width) },
          score: raw.map { activation == .sigmoid ? sigmoid($0) : $0 } ?? 1))
    }
  }

  private func toInputPx(_ value: Float, size: Double) -> Double {
    switch range {
    case .inputPx: Double(value)
    case .unit: Double(value) * size
    case .signedUnit: (Double(value) + 1) * (size / 2)
    }
  }

  /// A depth has no origin at the image's edge, so it is scaled, not shifted.
  private func depthToInputPx(_ value: Float, size: Double) -> Double {
    range == .signedUnit ? Double(value) * (size / 2) : toInputPx(value, size: size)
  }
}
