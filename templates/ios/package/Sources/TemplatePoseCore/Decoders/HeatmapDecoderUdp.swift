// SPDX-License-Identifier: Apache-2.0

import Foundation

/// DARK as UDP has it (Huang et al. 2020): one Newton step on the logarithm of the blurred heatmap, at its edge too, and
/// however far it leads.
///
/// The blurred map is scaled back to its old maximum, since small values are cut off; beyond its edge it goes on as it
/// ends there.
struct UdpStep: Sendable {
  private static let range = 1e-3...50.0
  private static let ridge = 1.1920928955078125e-7  // added to the diagonal of the Hessian

  /// Whether the map holds logits, which are made scores first.
  private let isLogit: Bool
  private var gaussian: GaussianBlur
  private var raw: [Double] = []
  private var scale = 1.0

  init(kernelSize: Int, edge: BlurEdge, isLogit: Bool) {
    self.isLogit = isLogit
    gaussian = GaussianBlur(size: kernelSize, edge: edge)
  }

  /// The step from the peak (x, y) of map `k`, heatmap px.
  mutating func step(_ maps: Heatmaps, _ x: Int, _ y: Int, _ k: Int) -> Point {
    blur(maps, k)
    let here = log(maps.size, x, y)
    let (left, right) = (log(maps.size, x - 1, y), log(maps.size, x + 1, y))
    let (above, below) = (log(maps.size, x, y - 1), log(maps.size, x, y + 1))
    let (dx, dy) = (0.5 * (right - left), 0.5 * (below - above))
    let dxx = right - 2 * here + left + Self.ridge
    let dyy = below - 2 * here + above + Self.ridge
    let (last, first) = (log(maps.size, x + 1, y + 1), log(maps.size, x - 1, y - 1))
    let dxy = 0.5 * (last - right - below + 2 * here - left - above + first)
    let det = dxx * dyy - dxy * dxy
    guard det != 0 else { return Point(x: 0, y: 0) }
    return Point(x: -(dyy * dx - dxy * dy) / det, y: -(dxx * dy - dxy * dx) / det)
  }

  /// The logarithm of the blurred map at a px, or at the nearest one of its edge.
  private mutating func log(_ size: PixelSize, _ x: Int, _ y: Int) -> Double {
    let place = min(max(y, 0), size.height - 1) * size.width + min(max(x, 0), size.width - 1)
    return Foundation.log(min(max(gaussian.at(place) * scale, Self.range.lowerBound), Self.range.upperBound))
  }

  /// Takes the whole map, for its maximum.
  private mutating func blur(_ maps: Heatmaps, _ k: Int) {
    let (width, height) = (maps.size.width, maps.size.height)
    if raw.count != width * height { raw = Array(repeating: 0, count: width * height) }
    for y in 0..<height {
      for x in 0..<width {
        let value = maps[x, y, k]
        raw[y * width + x] = isLogit ? sigmoid(value) : value
      }
    }
    let highest = raw.max() ?? 0
    gaussian.exchange(&raw, maps.size)
    scale = highest / (gaussian.at(gaussian.best()) + 1e-12)
  }
}
