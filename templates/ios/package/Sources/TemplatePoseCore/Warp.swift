// SPDX-License-Identifier: Apache-2.0

/// Samples the network's input from a picture, bilinear, or with antialiasing where `input` says so.
///
/// Bilinear it allocates nothing: far inside the picture four taps are read without a check; near its edge and beyond,
/// each tap is looked at by itself. Antialiasing takes memory for its weights and one line.
/// - Parameters:
///   - image: as stored.
///   - transform: from the upright image's px to input px.
///   - input: the network's input.
///   - orientation: how `image` becomes upright.
///   - output: `input.valueCount` numbers: rows of RGB, 0-255.
/// - Throws: `PoseError.wrongShape` for an output of another length.
public func warp(
  _ image: PixelView, transform: InputTransform, input: InputSpec,
  orientation: Orientation = .upright, into output: UnsafeMutableBufferPointer<Float>
) throws(PoseError) {
  guard let target = output.baseAddress, output.count == input.valueCount else {
    throw .wrongShape(tensor: "input", expected: [input.valueCount], found: [output.count])
  }
  let toStored = storedIndexMatrix(storedSize: image.size, orientation: orientation)
  let toIndex = transform.inverse
    .shifted(argument: transform.pixelCenter, result: -transform.pixelCenter)
    .followed(by: toStored)
  func sample(_ pixels: some PixelReader) {
    if input.sampling == .bilinearAntialias {
      Antialias(
        pixels: pixels, size: image.size, transform: transform, input: input, toStored: toIndex,
        swapsSides: orientation.swapsSides
      ).sample(into: output)
    } else {
      let sampler = Sampler(
        pixels: pixels, size: image.size, padValue: Float(input.padValue), clamp: transform.clamp)
      sampleRows(sampler, of: image.size, transform: transform, input: input, toIndex: toIndex, to: target)
    }
  }
  switch image.layout {
  case .packed(let pixels): sample(pixels)
  case .yuv(let pixels): sample(pixels)
  }
}

private func sampleRows(
  _ sampler: Sampler<some PixelReader>, of size: PixelSize, transform: InputTransform, input: InputSpec,
  toIndex: Affine, to target: UnsafeMutablePointer<Float>
) {
  let columns = transform.contentColumns
  for row in 0..<input.size.height {
    let line = target + row * input.size.width * 3
    guard transform.contentRows.contains(row) else {
      sampler.pad(line, columns: 0..<input.size.width)
      continue
    }
    sampler.pad(line, columns: 0..<columns.lowerBound)
    sampler.pad(line, columns: columns.upperBound..<input.size.width)
    let walk = Walk(toIndex, row: row, isIn32nds: input.sampling == .bilinear32nds)
    let inner = walk.interior(of: columns, size: size)
    sampler.sampleNearEdge(line, columns: columns.lowerBound..<inner.lowerBound, walk: walk)
    sampler.sampleInside(line, columns: inner, walk: walk)
    sampler.sampleNearEdge(line, columns: inner.upperBound..<columns.upperBound, walk: walk)
  }
}

/// The stored pixel indices that one row of the input visits: a straight walk.
struct Walk {
  let startX: Double
  let startY: Double
  let stepX: Double
  let stepY: Double
  let isIn32nds: Bool

  init(_ toIndex: Affine, row: Int, isIn32nds: Bool) {
    startX = toIndex.b * Double(row) + toIndex.tx
    startY = toIndex.d * Double(row) + toIndex.ty
    stepX = toIndex.a
    stepY = toIndex.c
    self.isIn32nds = isIn32nds
  }

  @inline(__always) func x(_ column: Int) -> Double { placed(startX + Double(column) * stepX) }
  @inline(__always) func y(_ column: Int) -> Double { placed(startY + Double(column) * stepY) }

  /// An index as it is read: rounded to 32nds, halves up whatever the last digits, or as it is.
  @inline(__always) private func placed(_ index: Double) -> Double {
    isIn32nds ? (index * 32 + (0.5 + 1e-7)).rounded(.down) / 32 : index
  }

  /// The columns whose four taps all lie in the picture. Rounding is monotone, so it suffices that the
  /// first and the last column do.
  func interior(of columns: Range<Int>, size: PixelSize) -> Range<Int> {
    let limitX = Double(size.width - 1)
    let limitY = Double(size.height - 1)
    var low = Double(columns.lowerBound)
    var high = Double(columns.upperBound)
    clip(&low, &high, start: startX, step: stepX, limit: limitX)
    clip(&low, &high, start: startY, step: stepY, limit: limitY)
    guard low < high else { return columns.lowerBound..<columns.lowerBound }
    var first = Int(low.rounded(.up))
    var end = Int(high.rounded(.up))
    func isInside(_ column: Int) -> Bool {
      let (x, y) = (x(column), y(column))
      return x >= 0 && x < limitX && y >= 0 && y < limitY
    }
    while first < end, !isInside(first) { first += 1 }
    while first < end, !isInside(end - 1) { end -= 1 }
    return first < end ? first..<end : columns.lowerBound..<columns.lowerBound
  }

  /// Narrows [low, high) to where `0 <= start + column * step < limit`.
  private func clip(
    _ low: inout Double, _ high: inout Double, start: Double, step: Double, limit: Double
  ) {
    if step == 0 {
      if !(start >= 0 && start < limit) { high = low }
      return
    }
    let one = -start / step
    let other = (limit - start) / step
    low = max(low, min(one, other))
    high = min(high, max(one, other) + 1)
  }
}
