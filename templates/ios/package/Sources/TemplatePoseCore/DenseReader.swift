// SPDX-License-Identifier: Apache-2.0

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
  for spec in specs where spec.kind != .mask {
    found[spec.name] = try map(spec, outputs, toPicture, within: found[spec.within])
  }
  return specs.compactMap { found[$0.name] }
}

private func map(
  _ spec: DenseSpec, _ outputs: [OutputTensor], _ toPicture: Affine, within: DenseMap?
) throws(PoseError) -> DenseMap {
  let background = spec.kind == .iuv ? 1 : 0
  let count = max(spec.labels.count, 1) + background
  let maps = try finer(DenseRole(output: spec.output, first: spec.first), count, spec, outputs)
  var coarse: FinerMaps?
  if let role = spec.coarse { coarse = try finer(role, spec.coarseCount, spec, outputs) }
  var values = [Float](repeating: 0, count: maps.columns.count * maps.rows.count)
  for index in values.indices {
    if spec.kind == .mask {
      let raw = maps.value(index, 0)
      values[index] = Float(spec.activation == .sigmoid ? sigmoid(raw) : raw)
    } else if within?.label(at: index) != 0, coarse?.highest(index, of: spec.coarseCount) != 0 {
      values[index] = Float(maps.highest(index, of: count) + 1 - background)
    }
  }
  let fine = spec.stride / Double(spec.upsampling)
  let toInput = Affine(a: fine, b: 0, tx: spec.shift * fine, c: 0, d: fine, ty: spec.shift * fine)
  var found = DenseMap(
    name: spec.name, size: PixelSize(width: maps.columns.count, height: maps.rows.count), values: values,
    labels: spec.labels.isEmpty ? [spec.name] : spec.labels, threshold: spec.kind == .mask ? spec.threshold : nil,
    toPicture: toInput.followed(by: toPicture))
  if let u = spec.u, let v = spec.v {
    found.surface = surface(
      of: values, try finer(u, count, spec, outputs), try finer(v, count, spec, outputs))
  }
  return found
}

private func finer(
  _ role: DenseRole, _ count: Int, _ spec: DenseSpec, _ outputs: [OutputTensor]
) throws(PoseError) -> FinerMaps {
  guard let tensor = outputs.first(where: { $0.name == role.output }) else { throw .tensorMissing(role.output) }
  guard tensor.shape.count == 3, tensor.shape[2] >= role.first + count else {
    throw .wrongShape(tensor: role.output, expected: [-1, -1, role.first + count], found: tensor.shape)
  }
  return FinerMaps(tensor: tensor, first: role.first, spec: spec)
}

/// U and V of each cell in turn, of its label's channels.
private func surface(of labels: [Float], _ u: FinerMaps, _ v: FinerMaps) -> [Float] {
  var found = [Float](repeating: 0, count: 2 * labels.count)
  for (index, label) in labels.enumerated() where label > 0 {
    found[2 * index] = Float(min(max(u.value(index, Int(label)), 0), 1))
    found[2 * index + 1] = Float(min(max(v.value(index, Int(label)), 0), 1))
  }
  return found
}

/// An output's maps read between their cells, at the cells of a result.
private struct FinerMaps {
  let columns: Between
  let rows: Between
  private let width: Int
  private let channels: Int
  private let first: Int
  private let values: [Float]

  init(tensor: OutputTensor, first: Int, spec: DenseSpec) {
    self.first = first
    (width, channels, values) = (tensor.shape[1], tensor.shape[2], tensor.values)
    columns = Between(cells: tensor.shape[1], spec: spec)
    rows = Between(cells: tensor.shape[0], spec: spec)
  }

  /// The value of a channel, counted from the role's first one, at a cell of the result.
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
