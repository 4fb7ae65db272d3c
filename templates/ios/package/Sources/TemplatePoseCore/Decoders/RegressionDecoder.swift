// SPDX-License-Identifier: Apache-2.0

/// Coordinates given as numbers: rows (K, `fields`).
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
    /// 0 to 1 over the input, which under `Alignment.corners` ends at the centre of its last px.
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
  private let alignment: Alignment
  private let activation: Activation

  /// - Parameters:
  ///   - output: name of the output.
  ///   - fields: what the numbers of a row are; x and y once, z and score at most once.
  ///   - range: what a coordinate counts in.
  ///   - alignment: of the input.
  ///   - activation: what turns a raw score into a score; without `.score` every score is 1.
  public init(
    output: String, fields: [Field], range: ValueRange, alignment: Alignment,
    activation: Activation = .none
  ) {
    self.output = output
    self.fieldCount = fields.count
    self.columnX = fields.firstIndex(of: .x) ?? 0
    self.columnY = fields.firstIndex(of: .y) ?? 1
    self.columnZ = fields.firstIndex(of: .z)
    self.columnScore = fields.firstIndex(of: .score)
    self.range = range
    self.alignment = alignment
    self.activation = activation
  }

  public var outputNames: [String] { [output] }

  public func decode(
    _ outputs: [OutputTensor], size: PixelSize, into points: inout [PosePoint]
  ) throws(PoseError) {
    let rows = try outputs.tensor(0, named: output, axes: 2)
    guard fieldCount >= 2, rows.shape[1] == fieldCount else {
      throw .wrongShape(tensor: output, expected: [-1, fieldCount], found: rows.shape)
    }
    let values = rows.values
    let (width, height) = (
      Double(size.width - alignment.shrink), Double(size.height - alignment.shrink)
    )
    points.removeAll(keepingCapacity: true)
    for start in stride(from: 0, to: values.count, by: fieldCount) {
      let raw = columnScore.map { Double(values[start + $0]) }
      points.append(
        PosePoint(
          x: toInputPx(values[start + columnX], extent: width),
          y: toInputPx(values[start + columnY], extent: height),
          z: columnZ.map { depthToInputPx(values[start + $0], extent: width) },
          score: raw.map { activation == .sigmoid ? sigmoid($0) : $0 } ?? 1))
    }
  }

  private func toInputPx(_ value: Float, extent: Double) -> Double {
    switch range {
    case .inputPx: Double(value)
    case .unit: Double(value) * extent
    case .signedUnit: (Double(value) + 1) * (extent / 2)
    }
  }

  /// A depth has no origin at the image's edge, so it is scaled, not shifted.
  private func depthToInputPx(_ value: Float, extent: Double) -> Double {
    range == .signedUnit ? Double(value) * (extent / 2) : toInputPx(value, extent: extent)
  }
}
