// SPDX-License-Identifier: Apache-2.0

/// Antialiased sampling of an upright region: a triangle filter on each axis, as wide as a px of the input is
/// in the source, as Pillow's resize does with BILINEAR.
///
/// For a px of the input whose centre is at source index p, source px k weighs `max(0, 1 - |k - p| / s)`, s
/// being the source px per input px, or 1 if that is less; the weights are divided by their sum. With `clamp`
/// only px of the picture count, and where none is near, the nearest does; else those outside count as the
/// pad value.
struct Antialias<Pixels: PixelReader> {
  private let pixels: Pixels
  private let padValue: Float
  private let clamp: Bool
  /// Along a stored row, and from one stored row to the next.
  private let along: AxisTaps
  private let across: AxisTaps
  /// Where in the output the first px is, and the way to the next along and across, in numbers.
  private let origin: Int
  private let alongStep: Int
  private let acrossStep: Int

  /// - Parameters:
  ///   - toStored: from an index of the input to one of the stored picture.
  ///   - swapsSides: whether it exchanges the axes.
  init(
    pixels: Pixels, size: PixelSize, transform: InputTransform, input: InputSpec, toStored: Affine,
    swapsSides: Bool
  ) {
    self.pixels = pixels
    padValue = Float(input.padValue)
    clamp = transform.clamp
    let columns = transform.contentColumns.clamped(to: 0..<input.size.width)
    let rows = transform.contentRows.clamped(to: 0..<input.size.height)
    let lineLength = input.size.width * 3
    origin = rows.lowerBound * lineLength + columns.lowerBound * 3
    (alongStep, acrossStep) = swapsSides ? (lineLength, 3) : (3, lineLength)
    along = AxisTaps(
      origin: toStored.tx, step: swapsSides ? toStored.b : toStored.a,
      indices: swapsSides ? rows : columns, length: size.width, clamp: clamp)
    across = AxisTaps(
      origin: toStored.ty, step: swapsSides ? toStored.c : toStored.d,
      indices: swapsSides ? columns : rows, length: size.height, clamp: clamp)
  }

  /// Writes the input: rows of RGB, 0-255.
  func sample(into output: UnsafeMutableBufferPointer<Float>) {
    output.update(repeating: padValue)
    guard let target = output.baseAddress else { return }
    padOutside(target + origin)
    var line = [SIMD4<Float>](repeating: .zero, count: along.count)
    for row in across.lowest...across.highest {
      sample(row: row, into: &line)
      for j in 0..<across.count {
        let weight = across.weight(j, of: row)
        if weight != 0 { add(line, times: weight, at: target + origin + j * acrossStep) }
      }
    }
  }

  /// What the pad value adds to every px that shows the source.
  private func padOutside(_ target: UnsafeMutablePointer<Float>) {
    for j in 0..<across.count {
      for i in 0..<along.count {
        let value = clamp ? 0 : padValue * (1 - across.inside[j] * along.inside[i])
        (target + j * acrossStep + i * alongStep).update(repeating: value, count: 3)
      }
    }
  }

  private func sample(row: Int, into line: inout [SIMD4<Float>]) {
    for i in 0..<along.count {
      var column = along.first[i]
      var sum = SIMD4<Float>.zero
      for tap in along.start[i]..<along.start[i + 1] {
        sum += pixels.color(column, row) * along.weights[tap]
        column += 1
      }
      line[i] = sum
    }
  }

  private func add(
    _ line: [SIMD4<Float>], times weight: Float, at target: UnsafeMutablePointer<Float>
  ) {
    var place = target
    for color in line {
      place[0] += color.x * weight
      place[1] += color.y * weight
      place[2] += color.z * weight
      place += alongStep
    }
  }
}
