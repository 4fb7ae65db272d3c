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

/// Maps in memory under a Gaussian of odd width.
struct GaussianBlur: Sendable {
  private let kernel: [Double]
  private let edge: BlurEdge
  private var padded: [Double] = []
  private var down: [Double] = []
  private var across: [Double] = []

  init(size: Int, edge: BlurEdge) {
    kernel = gaussianKernel(size)
    self.edge = edge
  }

  /// Blurs a map in memory, height x width.
  mutating func blur(_ map: inout [Double], _ size: PixelSize) {
    let (width, height, reach) = (size.width, size.height, kernel.count / 2)
    let stride = width + 2 * reach
    if padded.count != (height + 2 * reach) * stride || down.count != height * stride {
      padded = Array(repeating: 0, count: (height + 2 * reach) * stride)
      down = Array(repeating: 0, count: height * stride)
      across = down
    }
    for row in 0..<height + 2 * reach {
      let target = row * stride + reach
      guard let source = edge.source(row - reach, height) else { continue }  // zeros, as they were made
      for column in 0..<width { padded[target + column] = map[source * width + column] }
      for column in [-reach..<0, width..<width + reach].joined() {
        padded[target + column] = edge.source(column, width).map { map[source * width + $0] } ?? 0
      }
    }
    Self.blur(padded, into: &down, kernel, apart: stride)
    Self.blur(down, into: &across, kernel, apart: 1)
    for row in 0..<height {
      for column in 0..<width { map[row * width + column] = across[row * stride + column] }
    }
  }

  /// A Gaussian over px that lie `apart`; what lies around the map is in `from`, so that all px are added alike.
  private static func blur(_ from: [Double], into to: inout [Double], _ kernel: [Double], apart: Int) {
    from.withUnsafeBufferPointer { from in
      to.withUnsafeMutableBufferPointer { to in
        let (count, first) = (min(to.count, from.count - (kernel.count - 1) * apart), kernel[0])
        for place in 0..<count { to[place] = first * from[place] }
        for tap in Swift.stride(from: 1, to: kernel.count, by: 2) {  // two at once: half as much to read and write
          let (weight, next, away) = (kernel[tap], kernel[tap + 1], tap * apart)
          let further = away + apart
          for place in 0..<count {
            to[place] = to[place] + weight * from[place &+ away] + next * from[place &+ further]
          }
        }
      }
    }
  }
}
