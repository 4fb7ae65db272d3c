// SPDX-License-Identifier: Apache-2.0

import UIKit
import TemplatePose
import TemplatePoseCore

/// A colour that stays with a person, far from those of the ids before.
func personColor(_ id: Int) -> UIColor {
  UIColor(hue: spread(id), saturation: 0.8, brightness: 1, alpha: 1)
}

/// Hues of the numbers one after another, each far from the last: steps of the golden ratio around the wheel.
func spread(_ number: Int) -> Double { (Double(number) * 0.618_033_988_75).truncatingRemainder(dividingBy: 1) }

/// The depths of a person's sure points, from the nearest to the farthest; nil where the model gives none.
struct DepthRange {
  private let near: Double
  private let far: Double

  init?(_ pose: Pose) {
    let depths = pose.points.filter(isSure).compactMap(\.z)
    guard let depth = TemplatePoseContract.depth, let least = depths.min(), let most = depths.max() else { return nil }
    (near, far) = depth.direction == .away ? (least, most) : (most, least)
  }

  /// Red is near, blue is far; nil where no point has a depth.
  func color(of points: [PosePoint]) -> UIColor? {
    let depths = points.compactMap(\.z)
    guard !depths.isEmpty else { return nil }
    let mean = depths.reduce(0, +) / Double(depths.count)
    let part = near == far ? 0 : (mean - near) / (far - near)
    return UIColor(hue: 0.66 * part, saturation: 0.9, brightness: 1, alpha: 1)
  }
}
