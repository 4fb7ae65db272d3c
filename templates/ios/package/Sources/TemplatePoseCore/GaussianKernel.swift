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
  private var down: [Double] = []

  init(size: Int, edge: BlurEdge) {
    kernel = gaussianKernel(size)
    self.edge = edge
  }

  /// Blurs a map in memory, height x width.
  mutating func blur(_ map: inout [Double], _ size: PixelSize) {
    if down.count != map.count { down = map }
    along(map, into: &down, Lines(count: size.width, apart: 1, length: size.height, step: size.width))
    along(down, into: &map, Lines(count: size.height, apart: size.width, length: size.width, step: 1))
  }

  /// Lines of a map in memory: how many, how far apart, how many px each has and how far apart these are.
  private struct Lines {
    let count: Int
    let apart: Int
    let length: Int
    let step: Int
  }

  private func along(_ from: [Double], into to: inout [Double], _ lines: Lines) {
    for place in to.indices { to[place] = 0 }
    for (tap, weight) in kernel.enumerated() {
      for position in 0..<lines.length {
        guard let source = edge.source(position + tap - kernel.count / 2, lines.length) else { continue }
        var (place, read) = (position * lines.step, source * lines.step)
        for _ in 0..<lines.count {
          to[place] += weight * from[read]
          place += lines.apart
          read += lines.apart
        }
      }
    }
  }
}
