// SPDX-License-Identifier: Apache-2.0

/// Fewer keypoints say too little about where the person is; a smaller skeleton needs them all.
let minimumKeypoints = 4

/// The region for the next frame, or nil when the person is lost and the app should look anew.
///
/// The box of the points with at least `minScore` is grown by `margin`, because a person reaches beyond
/// the keypoints, and becomes a region as any box does.
/// - Parameters:
///   - points: source px.
///   - size: the network's input, input px.
///   - padding: `InputSpec.boxPadding`.
///   - minScore: points with a lower score do not count.
///   - margin: factor on the box of the points.
public func nextRegion(
  points: [PosePoint], size: PixelSize, padding: Double, minScore: Double, margin: Double = 1.2
) -> Region? {
  guard let sure = sureBox(of: points, minScore: minScore) else { return nil }
  let (centerX, centerY) = ((sure.left + sure.right) / 2, (sure.top + sure.bottom) / 2)
  let (halfX, halfY) = ((sure.right - sure.left) / 2 * margin, (sure.bottom - sure.top) / 2 * margin)
  let box = Box(
    left: centerX - halfX, top: centerY - halfY, right: centerX + halfX, bottom: centerY + halfY)
  return try? regionFromBox(box, size: size, padding: padding)
}

/// The box around the points with at least `minScore`; nil where they are too few, one place, or too far
/// away.
func sureBox(of points: [PosePoint], minScore: Double) -> Box? {
  var (left, top) = (Double.infinity, Double.infinity)
  var (right, bottom) = (-Double.infinity, -Double.infinity)
  var seen = 0
  for point in points where point.score >= minScore {
    seen += 1
    (left, right) = (min(left, point.x), max(right, point.x))
    (top, bottom) = (min(top, point.y), max(bottom, point.y))
  }
  guard seen > 0, seen >= min(minimumKeypoints, points.count), max(right - left, bottom - top) > 0,
    [left, top, right, bottom].allSatisfy({ abs($0) <= farthestPx })
  else { return nil }
  return Box(left: left, top: top, right: right, bottom: bottom)
}

/// Follows one person from frame to frame: looks in the next frame where the keypoints were in the last.
///
/// Off unless the app makes one. Between a detector's runs, give `region` to `estimate`, and the pose
/// to `update`; when that returns nil, run the detector again or look at the whole frame.
public struct RegionTracker: Equatable, Sendable {
  /// Where to look next, source px; nil before the first pose and when the person is lost.
  public private(set) var region: Region?
  /// Points with a lower score do not count. What a score is worth differs from model to model: print those of
  /// people and of empty pictures, and choose between.
  public let minScore: Double
  /// Factor on the box of the points.
  public let margin: Double
  private let input: InputSpec

  public init(
    minScore: Double = TemplatePoseContract.trackerMinScore, margin: Double = 1.2,
    input: InputSpec = TemplatePoseContract.input
  ) {
    self.minScore = minScore
    self.margin = margin
    self.input = input
  }

  /// Takes the pose of this frame; returns the region for the next, or nil when the person is lost.
  @discardableResult
  public mutating func update(_ pose: Pose) -> Region? {
    region = nextRegion(
      points: pose.points, size: input.size, padding: input.boxPadding, minScore: minScore,
      margin: margin)
    return region
  }

  /// Forgets the person.
  public mutating func reset() {
    region = nil
  }
}
