// SPDX-License-Identifier: Apache-2.0

/// Reads RGB between pixels.
struct Sampler<Pixels: PixelReader> {
  private let pixels: Pixels
  private let width: Int
  private let height: Int
  private let padValue: Float
  private let clamp: Bool

  init(pixels: Pixels, size: PixelSize, padValue: Float, clamp: Bool) {
    self.pixels = pixels
    width = size.width
    height = size.height
    self.padValue = padValue
    self.clamp = clamp
  }

  func pad(_ line: UnsafeMutablePointer<Float>, columns: Range<Int>) {
    (line + columns.lowerBound * 3).update(repeating: padValue, count: columns.count * 3)
  }

  /// For columns whose four taps all lie in the picture.
  func sampleInside(_ line: UnsafeMutablePointer<Float>, columns: Range<Int>, walk: Walk) {
    var target = line + columns.lowerBound * 3
    for column in columns {
      let x = walk.x(column)
      let y = walk.y(column)
      let (left, top) = (Int(x), Int(y))  // neither is negative here
      let fractionX = Float(x - Double(left))
      let fractionY = Float(y - Double(top))
      let above = mix(pixels.color(left, top), pixels.color(left &+ 1, top), fractionX)
      let below = mix(pixels.color(left, top &+ 1), pixels.color(left &+ 1, top &+ 1), fractionX)
      store(mix(above, below, fractionY), at: target)
      target += 3
    }
  }

  /// For any columns: taps outside the picture are its edge, or the pad value.
  func sampleNearEdge(_ line: UnsafeMutablePointer<Float>, columns: Range<Int>, walk: Walk) {
    for column in columns {
      // Far outside everything is border: the clip keeps the indices small and changes no value.
      let x = min(max(walk.x(column), -2), Double(width) + 1)
      let y = min(max(walk.y(column), -2), Double(height) + 1)
      let left = Int(x.rounded(.down))
      let top = Int(y.rounded(.down))
      let fractionX = Float(x - Double(left))
      let fractionY = Float(y - Double(top))
      let upper = mix(tap(left, top), tap(left + 1, top), fractionX)
      let lower = mix(tap(left, top + 1), tap(left + 1, top + 1), fractionX)
      store(mix(upper, lower, fractionY), at: line + column * 3)
    }
  }

  @inline(__always)
  private func mix(_ from: SIMD4<Float>, _ to: SIMD4<Float>, _ fraction: Float) -> SIMD4<Float> {
    from + (to - from) * fraction
  }

  @inline(__always)
  private func tap(_ column: Int, _ row: Int) -> SIMD4<Float> {
    let inside = column >= 0 && column < width && row >= 0 && row < height
    guard clamp || inside else { return SIMD4(repeating: padValue) }
    let safeRow = min(max(row, 0), height - 1)
    let safeColumn = min(max(column, 0), width - 1)
    return pixels.color(safeColumn, safeRow)
  }

  @inline(__always)
  private func store(_ color: SIMD4<Float>, at target: UnsafeMutablePointer<Float>) {
    target[0] = color.x
    target[1] = color.y
    target[2] = color.z
  }
}
