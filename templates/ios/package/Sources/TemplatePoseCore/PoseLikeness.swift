// SPDX-License-Identifier: Apache-2.0

import Foundation

/// How alike `pose` is to `last`, over the points that are sure in both; 0 where those are too few.
/// - Parameter variances: one a point, of twice the keypoint's sigma.
func oks(_ pose: Pose, _ last: Pose, variances: [Double], minScore: Double) -> Double {
  var (left, top) = (Double.infinity, Double.infinity)
  var (right, bottom) = (-Double.infinity, -Double.infinity)
  var both = 0
  for (now, then) in zip(pose.points, last.points) where then.score >= minScore {
    (left, right) = (min(left, then.x), max(right, then.x))
    (top, bottom) = (min(top, then.y), max(bottom, then.y))
    if now.score >= minScore { both += 1 }
  }
  guard both > 0, both >= min(minimumKeypoints, pose.points.count) else { return 0 }
  let area = (right - left) * (bottom - top) + 1e-6
  var sum = 0.0
  for ((now, then), variance) in zip(zip(pose.points, last.points), variances)
  where now.score >= minScore && then.score >= minScore {
    let squared = (now.x - then.x) * (now.x - then.x) + (now.y - then.y) * (now.y - then.y)
    sum += exp(-squared / (2 * area * variance))
  }
  return sum / Double(both)
}

/// Intersection over union of two boxes; 0 where both are empty, or one is not there.
func iou(_ one: Box?, _ other: Box?) -> Double {
  guard let one, let other else { return 0 }
  let width = min(one.right, other.right) - max(one.left, other.left)
  let height = min(one.bottom, other.bottom) - max(one.top, other.top)
  let shared = max(width, 0) * max(height, 0)
  return shared / max(area(one) + area(other) - shared, 1e-12)
}

private func area(_ box: Box) -> Double {
  max(box.right - box.left, 0) * max(box.bottom - box.top, 0)
}
