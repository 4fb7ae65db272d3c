// SPDX-License-Identifier: Apache-2.0

/// What a dense result is: how sure of a person, or which of several parts.
public enum DenseKind: String, Sendable { case mask, parts }

/// What makes a mask's channel 0 to 1.
public enum DenseActivation: String, Sendable { case none, sigmoid }

/// A dense result of the contract.
public struct DenseSpec: Sendable {
  public let name: String
  public let kind: DenseKind
  /// The output whose channels it is made of, one a label, and the first of them.
  public let output: String
  public let first: Int
  /// Cell i of the output is at (i + shift) * stride input px.
  public let stride: Double
  public let shift: Double
  /// How often finer the result's cells are.
  public let upsampling: Int
  public let activation: DenseActivation
  /// A mask is on from there on.
  public let threshold: Double
  /// The name of the mask where parts are; empty: they are everywhere.
  public let within: String
  public let labels: [String]

  public init(
    name: String, kind: DenseKind, output: String, first: Int, stride: Double, shift: Double, upsampling: Int,
    activation: DenseActivation, threshold: Double, within: String, labels: [String]
  ) {
    self.name = name
    self.kind = kind
    self.output = output
    self.first = first
    self.stride = stride
    self.shift = shift
    self.upsampling = upsampling
    self.activation = activation
    self.threshold = threshold
    self.within = within
    self.labels = labels
  }
}

/// The dense results of a model's outputs, in the order of the contract.
/// - Parameters:
///   - outputs: all finite.
///   - toPicture: from input px to px of the upright image.
/// - Throws: `PoseError.tensorMissing` or `PoseError.wrongShape`.
public func denseMaps(_ specs: [DenseSpec], of outputs: [OutputTensor], toPicture: Affine) throws(PoseError)
  -> [DenseMap]
{
  var found: [String: DenseMap] = [:]
  for spec in specs where spec.kind == .mask { found[spec.name] = try map(spec, outputs, toPicture, within: nil) }
  for spec in specs where spec.kind == .parts {
    found[spec.name] = try map(spec, outputs, toPicture, within: found[spec.within])
  }
  return specs.compactMap { found[$0.name] }
}

private func map(
  _ spec: DenseSpec, _ outputs: [OutputTensor], _ toPicture: Affine, within: DenseMap?
) throws(PoseError) -> DenseMap {
  guard let tensor = outputs.first(where: { $0.name == spec.output }) else { throw .tensorMissing(spec.output) }
  guard tensor.shape.count == 3, tensor.shape[2] >= spec.first + max(spec.labels.count, 1) else {
    throw .wrongShape(tensor: spec.output, expected: [-1, -1, -1], found: tensor.shape)
  }
  let maps = FinerMaps(tensor: tensor, spec: spec)
  var values = [Float](repeating: 0, count: maps.columns.count * maps.rows.count)
  for index in values.indices {
    if spec.kind == .mask {
      let raw = maps.value(index, 0)
      values[index] = Float(spec.activation == .sigmoid ? sigmoid(raw) : raw)
    } else if within?.label(at: index) != 0 {
      values[index] = Float(maps.highest(index, of: spec.labels.count) + 1)
    }
  }
  let fine = spec.stride / Double(spec.upsampling)
  let toInput = Affine(a: fine, b: 0, tx: spec.shift * fine, c: 0, d: fine, ty: spec.shift * fine)
  return DenseMap(
    name: spec.name, size: PixelSize(width: maps.columns.count, height: maps.rows.count), values: values,
    labels: spec.labels.isEmpty ? [spec.name] : spec.labels, threshold: spec.kind == .mask ? spec.threshold : nil,
    toPicture: toInput.followed(by: toPicture))
}

/// An output's maps read between their cells, at the cells of a result.
private struct FinerMaps {
  let columns: Between
  let rows: Between
  private let width: Int
  private let channels: Int
  private let first: Int
  private let values: [Float]

  init(tensor: OutputTensor, spec: DenseSpec) {
    (width, channels, first, values) = (tensor.shape[1], tensor.shape[2], spec.first, tensor.values)
    columns = Between(cells: tensor.shape[1], spec: spec)
    rows = Between(cells: tensor.shape[0], spec: spec)
  }

  /// The value of a channel, counted from the result's first one, at a cell of the result.
  func value(_ index: Int, _ channel: Int) -> Double {
    let (row, column) = index.quotientAndRemainder(dividingBy: columns.count)
    let across = columns.share[column]
    let down = rows.share[row]
    let above =
      read(rows.first[row], columns.first[column], channel) * (1 - across)
      + read(rows.first[row], columns.second[column], channel) * across
    let under =
      read(rows.second[row], columns.first[column], channel) * (1 - across)
      + read(rows.second[row], columns.second[column], channel) * across
    return above * (1 - down) + under * down
  }

  /// The first of the highest of `count` channels at a cell of the result.
  func highest(_ index: Int, of count: Int) -> Int {
    var (best, most) = (0, value(index, 0))
    for channel in 1..<max(count, 1) {
      let other = value(index, channel)
      if other > most { (best, most) = (channel, other) }
    }
    return best
  }

  private func read(_ row: Int, _ column: Int, _ channel: Int) -> Double {
    Double(values[(row * width + column) * channels + first + channel])
  }
}

/// Of each finer cell of an axis the two cells about it, and how far it is from the first to the second.
private struct Between {
  let first: [Int]
  let second: [Int]
  let share: [Double]

  var count: Int { first.count }

  init(cells: Int, spec: DenseSpec) {
    let fine = spec.shift == 0 ? (cells - 1) * spec.upsampling + 1 : cells * spec.upsampling
    let places = (0..<fine).map {
      min(max((Double($0) + spec.shift) / Double(spec.upsampling) - spec.shift, 0), Double(cells - 1))
    }
    first = places.map { Int($0) }
    second = first.map { min($0 + 1, cells - 1) }
    share = zip(places, first).map { $0 - Double($1) }
  }
}
