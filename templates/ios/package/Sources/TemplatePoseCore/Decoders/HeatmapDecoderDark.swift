// SPDX-License-Identifier: Apache-2.0

import Foundation

/// DARK (Zhang et al. 2020): one Newton step on the logarithm of the blurred heatmap.
///
/// Only the 5 x 5 px about the peak are blurred. The published code scales the blurred map back to its old
/// maximum; under the logarithm that adds a constant, which no derivative sees, so it is left out.
struct DarkStep: Sendable {
  private static let logFloor = 1e-10  // blurred values may be 0
  private static let side = 5  // px about the peak that are blurred

  /// Whether the map holds logits, which are made scores first: the logarithm of a Gaussian is what DARK steps on.
  private let isLogit: Bool
  private let kernel: [Double]
  private let edge: BlurEdge
  private let span: Int
  /// (side, span): rows about the peak, blurred downwards.
  private var rows: [Double]
  /// (side, side): logarithm of the blurred map, the peak in the middle.
  private var log: [Double]

  init(kernelSize: Int, edge: BlurEdge, isLogit: Bool) {
    self.edge = edge
    self.isLogit = isLogit
    kernel = gaussianKernel(kernelSize)
    span = kernelSize + Self.side - 1
    rows = Array(repeating: 0, count: Self.side * span)
    log = Array(repeating: 0, count: Self.side * Self.side)
  }

  /// The step from the peak (x, y) of map `k`, heatmap px; none within two px of the edge.
  mutating func step(_ maps: Heatmaps, _ x: Int, _ y: Int, _ k: Int) -> Point {
    guard x > 1, x < maps.size.width - 2, y > 1, y < maps.size.height - 2 else {
      return Point(x: 0, y: 0)
    }
    blur(maps, x, y, k)
    let dx = 0.5 * (at(2, 3) - at(2, 1))
    let dy = 0.5 * (at(3, 2) - at(1, 2))
    let dxx = 0.25 * (at(2, 4) - 2 * at(2, 2) + at(2, 0))
    let dyy = 0.25 * (at(4, 2) - 2 * at(2, 2) + at(0, 2))
    let dxy = 0.25 * (at(3, 3) - at(1, 3) - at(3, 1) + at(1, 1))
    let det = dxx * dyy - dxy * dxy
    // A peak has a negative definite Hessian; where blurring left none, the step would lead away from it.
    guard det > 0, dxx < 0 else { return Point(x: 0, y: 0) }
    return Point(
      x: clip(-(dyy * dx - dxy * dy) / det), y: clip(-(dxx * dy - dxy * dx) / det))
  }

  private func at(_ row: Int, _ column: Int) -> Double { log[row * Self.side + column] }

  /// The blurred patch ends two px from the peak.
  private func clip(_ value: Double) -> Double { min(max(value, -2), 2) }

  /// Fills `log`.
  private mutating func blur(_ maps: Heatmaps, _ x: Int, _ y: Int, _ k: Int) {
    let reach = span / 2
    for row in 0..<Self.side {
      for column in 0..<span {
        let mapX = edge.source(x - reach + column, maps.size.width)
        var sum = 0.0
        for (tap, weight) in kernel.enumerated() {
          guard let mapX, let mapY = edge.source(y - reach + row + tap, maps.size.height) else { continue }
          let value = maps[mapX, mapY, k]
          sum += weight * (isLogit ? sigmoid(value) : value)
        }
        rows[row * span + column] = sum
      }
    }
    for row in 0..<Self.side {
      for column in 0..<Self.side {
        var sum = 0.0
        for (tap, weight) in kernel.enumerated() {
          sum += weight * rows[row * span + column + tap]
        }
        log[row * Self.side + column] = Foundation.log(max(sum, Self.logFloor))
      }
    }
  }
}
