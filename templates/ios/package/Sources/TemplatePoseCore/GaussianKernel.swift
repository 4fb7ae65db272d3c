// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Normalised Gaussian of odd `size` with the sigma that OpenCV derives from it; of small ones its own numbers.
func gaussianKernel(_ size: Int) -> [Double] {
  let sigma = 0.3 * ((Double(size) - 1) * 0.5 - 1) + 0.8
  let weights: [Double] =
    switch size {
    case 3: [1, 2, 1]
    case 5: [1, 4, 6, 4, 1]
    case 7: [2, 7, 14, 18, 14, 7, 2]
    default:
      (0..<size).map { index in
        let position = Double(index - size / 2)
        return exp(-(position * position) / (2 * sigma * sigma))
      }
    }
  let total = weights.reduce(0, +)
  return weights.map { $0 / total }
}

/// What a blur finds outside of a map: 0, or the map mirrored about its outermost px.
enum BlurEdge: String, CaseIterable {
  case zero, mirror

  /// The px of a line of `length` that stands at `place`, nil where it is 0.
  func source(_ place: Int, _ length: Int) -> Int? {
    if place >= 0, place < length { return place }
    guard self == .mirror else { return nil }
    guard length > 1 else { return 0 }
    let period = 2 * (length - 1)
    let phase = ((place % period) + period) % period
    return min(phase, period - phase)
  }
}

/// A map in memory under a Gaussian of odd width, of which only those rows are worked out that are asked for.
struct GaussianBlur: Sendable {
  private static let rounding = 1e-12  // of the largest magnitude; sums are off by less

  private let kernel: [Double]
  private let edge: BlurEdge
  private var map: [Double] = []
  private var size = PixelSize(width: 0, height: 0)
  private var blurred: [Double] = []
  private var isBlurred: [Bool] = []
  private var padded: [Double] = []
  private var highest: [Double] = []
  private var bounds: [Double] = []

  init(size: Int, edge: BlurEdge) {
    kernel = gaussianKernel(size)
    self.edge = edge
  }

  private var reach: Int { kernel.count / 2 }

  /// Takes a map in memory, height x width, and gives the one before for it.
  mutating func exchange(_ map: inout [Double], _ size: PixelSize) {
    swap(&self.map, &map)
    if size != self.size {
      self.size = size
      blurred = Array(repeating: 0, count: size.width * size.height)
      isBlurred = Array(repeating: false, count: size.height)
      padded = Array(repeating: 0, count: size.width + 2 * reach)
      highest = Array(repeating: 0, count: size.height)
      bounds = highest
    }
    for y in isBlurred.indices { isBlurred[y] = false }
  }

  /// The blurred map at a place, which counts px row by row.
  mutating func at(_ place: Int) -> Double {
    blur(place / size.width)
    return blurred[place]
  }

  /// The place of the largest value of the blurred map, of equal ones the first.
  ///
  /// Weights are at least 0 and their sum is 1: no px of a row is above the blurred column of the rows' largest values.
  /// Most rows are too low by that, and are not worked out.
  mutating func best() -> Int {
    let slack = Self.rounding * findHighest()
    var first = 0
    for y in bounds.indices {
      bounds[y] = bound(y) + slack
      if bounds[y] > bounds[first] { first = y }
    }
    var best = best(ofRow: first)
    for y in bounds.indices where bounds[y] >= blurred[best] {
      let place = self.best(ofRow: y)
      if blurred[place] > blurred[best] || (blurred[place] == blurred[best] && place < best) { best = place }
    }
    return best
  }

  /// Fills `highest`, the largest value of each row, and returns the largest magnitude of all.
  private mutating func findHighest() -> Double {
    var magnitude = 0.0
    for y in 0..<size.height {
      let row = map[y * size.width..<(y + 1) * size.width]
      highest[y] = row.reduce(-.infinity) { $1 > $0 ? $1 : $0 }
      magnitude = row.reduce(magnitude) { max($0, abs($1)) }
    }
    return magnitude
  }

  private func bound(_ y: Int) -> Double {
    var sum = 0.0
    for (tap, weight) in kernel.enumerated() {
      if let source = edge.source(y + tap - reach, size.height) { sum += weight * highest[source] }
    }
    return edge == .zero ? max(sum, 0) : sum  // there are zeros beside the row
  }

  private mutating func best(ofRow y: Int) -> Int {
    blur(y)
    var best = y * size.width
    for place in best + 1..<(y + 1) * size.width where blurred[place] > blurred[best] { best = place }
    return best
  }

  /// Works a row out: what lies above and below each of its px first, then what lies beside it.
  private mutating func blur(_ y: Int) {
    if isBlurred[y] { return }
    isBlurred[y] = true
    let (width, reach) = (size.width, reach)
    for column in padded.indices { padded[column] = 0 }
    for (tap, weight) in kernel.enumerated() {
      guard let source = edge.source(y + tap - reach, size.height) else { continue }
      Self.add(weight, map, from: source * width, to: &padded, from: reach, count: width)
    }
    for column in 0..<reach {
      padded[reach - 1 - column] = edge.source(-1 - column, width).map { padded[reach + $0] } ?? 0
      padded[reach + width + column] = edge.source(width + column, width).map { padded[reach + $0] } ?? 0
    }
    for place in y * width..<(y + 1) * width { blurred[place] = 0 }
    for (tap, weight) in kernel.enumerated() {
      Self.add(weight, padded, from: tap, to: &blurred, from: y * width, count: width)
    }
  }

  /// Adds values times `weight` to others.
  private static func add(
    _ weight: Double, _ values: [Double], from start: Int, to sums: inout [Double], from target: Int, count: Int
  ) {
    precondition(start + count <= values.count && target + count <= sums.count)
    values.withUnsafeBufferPointer { values in
      sums.withUnsafeMutableBufferPointer { sums in
        for place in 0..<count { sums[target &+ place] += weight * values[start &+ place] }
      }
    }
  }
}
