// SPDX-License-Identifier: Apache-2.0

/// Coordinates given as numbers: rows (K, `fields`).
public struct RegressionDecoder: PoseDecoder {
  /// What a number of a row is.
  enum Field: String, CaseIterable { case x, y, z, score, skip }

  /// What a coordinate counts in: 0 to 1 over the input, which under `Alignment.corners` ends at the centre of its last
  /// px; -1 to 1 over the input; input px.
  enum ValueRange: String, CaseIterable {
    case unit
    case signedUnit = "signed_unit"
    case inputPx = "input_px"
  }

  /// What turns a raw score into a score; without a score among the fields every score is 1.
  enum Activation: String, CaseIterable { case none, sigmoid }

  private let output: String
  private let fieldCount: Int
  private let columnX: Int
  private let columnY: Int
  private let columnZ: Int?
  private let columnScore: Int?
  private let range: ValueRange
  private let alignment: Alignment
  private let inputSize: PixelSize
  private let depthScale: Double?
  private let activation: Activation

  public init(settings: DecoderSettings) throws(PoseError) {
    output = try settings.text("output")
    range = try settings.choice("range")
    alignment = settings.inputAlignment
    inputSize = settings.inputSize
    depthScale = settings.has("z_scale") ? try settings.number("z_scale") : nil
    activation = try settings.choice("activation")
    let fields: [Field] = try settings.choices("fields")
    guard let x = fields.firstIndex(of: .x), let y = fields.firstIndex(of: .y) else {
      throw settings.wrong("fields", expected: "x and y among them")
    }
    fieldCount = fields.count
    columnX = x
    columnY = y
    columnZ = fields.firstIndex(of: .z)
    columnScore = fields.firstIndex(of: .score)
  }

  public var outputNames: [String] { [output] }

  public func decode(_ outputs: [OutputTensor], into people: inout DecodedPeople) throws(PoseError) {
    let rows = try outputs.tensor(0, named: output, axes: 2)
    guard rows.shape[1] == fieldCount else {
      throw .wrongShape(tensor: output, expected: [-1, fieldCount], found: rows.shape)
    }
    let values = rows.values
    let (width, height) = (
      Double(inputSize.width - alignment.shrink), Double(inputSize.height - alignment.shrink)
    )
    for start in stride(from: 0, to: values.count, by: fieldCount) {
      let raw = columnScore.map { Double(values[start + $0]) }
      people.append(
        PosePoint(
          x: toInputPx(values[start + columnX], extent: width),
          y: toInputPx(values[start + columnY], extent: height),
          z: columnZ.map { depthToInputPx(values[start + $0], extent: width) },
          score: raw.map { activation == .sigmoid ? sigmoid($0) : $0 } ?? 1))
    }
    people.endPerson()
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
    if let depthScale { return Double(value) * depthScale }
    return range == .signedUnit ? Double(value) * (extent / 2) : toInputPx(value, extent: extent)
  }
}
