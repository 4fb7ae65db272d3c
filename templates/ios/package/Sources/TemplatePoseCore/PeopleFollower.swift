// SPDX-License-Identifier: Apache-2.0

import Foundation

/// How people are followed in two stages: where the pose model looks at first, in the next frame, and when anew.
public struct FollowingRule: Equatable, Sendable {
  /// The pose model's input, px.
  public let size: PixelSize
  /// By how much the region of a box is grown.
  public let padding: Double
  /// Spread of each keypoint, in the order of a pose's points.
  public let sigmas: [Double]
  /// Points with a lower score do not count.
  public let minScore: Double
  /// How a region comes from the points of a detection; nil for its box.
  public let points: PointsRule?
  /// Whether that region is about the detection's box.
  public let pointsAboutBox: Bool
  /// How the next region comes from the points of a pose; nil for the box around them.
  public let nextPoints: PointsRule?
  /// Whether that region is about the box around them.
  public let nextPointsAboutBox: Bool
  /// By how much the box around the points is grown.
  public let margin: Double
  /// How many people are followed.
  public let maxPeople: Int
  /// After so many frames somebody new is looked for.
  public let detectEvery: Int
  /// Intersection over union of regions without their padding from which a detection is somebody who is followed.
  public let minOverlap: Double
  /// Object keypoint similarity from which two poses are one person's.
  public let maxAlike: Double

  public init(
    size: PixelSize, padding: Double, sigmas: [Double], minScore: Double, points: PointsRule? = nil,
    pointsAboutBox: Bool = false, nextPoints: PointsRule? = nil, nextPointsAboutBox: Bool = false,
    margin: Double = 1.2, maxPeople: Int = 6, detectEvery: Int = 30, minOverlap: Double = 0.3, maxAlike: Double = 0.8
  ) {
    self.size = size
    self.padding = padding
    self.sigmas = sigmas
    self.minScore = minScore
    self.points = points
    self.pointsAboutBox = pointsAboutBox
    self.nextPoints = nextPoints
    self.nextPointsAboutBox = nextPointsAboutBox
    self.margin = margin
    self.maxPeople = maxPeople
    self.detectEvery = detectEvery
    self.minOverlap = minOverlap
    self.maxAlike = maxAlike
  }
}

/// Where each detected person is, in their order; who has no sound box or points is left out.
public func detectedRegions(_ detections: [Pose], rule: FollowingRule) -> [Region] {
  detections.compactMap { detection in
    guard let points = rule.points else {
      guard let box = detection.box, box.isSound else { return nil }
      return try? regionFromBox(box, size: rule.size, padding: rule.padding)
    }
    let box = rule.pointsAboutBox ? detection.box ?? Box(left: 0, top: 0, right: 0, bottom: 0) : nil
    return regionFromPoints(detection.points.map { Point(x: $0.x, y: $0.y) }, rule: points, box: box)
  }
}

/// Where the person of `pose` is looked for in the next frame; nil where too little of them is sure.
public func followedRegion(_ pose: Pose, rule: FollowingRule) -> Region? {
  let region = nextRegion(
    points: pose.points, size: rule.size, padding: rule.padding, minScore: rule.minScore, margin: rule.margin)
  guard region != nil, let points = rule.nextPoints else { return region }
  let box = rule.nextPointsAboutBox ? sureBox(of: pose.points, minScore: rule.minScore) : nil
  return regionFromPoints(pose.points.map { Point(x: $0.x, y: $0.y) }, rule: points, box: box)
}

/// Where the pose model looks in each frame: where people were, and where somebody else is detected.
///
/// A frame is `wantsDetection`, `regions(detected:)` and `follow(_:)`, in this order.
public struct PeopleFollower: Equatable, Sendable {
  private let rule: FollowingRule
  private let variances: [Double]
  private var regions: [Region] = []  // of this frame, who is followed for longest first
  private var followed = 0  // of them, those who were there in the frame before
  private var frames = 0  // since somebody new was looked for
  private var hasLost = false

  public init(rule: FollowingRule) {
    self.rule = rule
    variances = rule.sigmas.map { (2 * $0) * (2 * $0) }
  }

  /// Whether people should be detected in the next frame: nobody is followed, somebody was lost, or may have come.
  public var wantsDetection: Bool {
    regions.count < rule.maxPeople && (regions.isEmpty || hasLost || frames >= rule.detectEvery)
  }

  /// Where the pose model is to look in this frame.
  /// - Parameter detected: where people were detected, the surest first; nil where nobody was looked for.
  public mutating func regions(detected: [Region]?) -> [Region] {
    followed = regions.count
    frames = detected == nil ? frames + 1 : 1
    let new = (detected ?? []).filter { one in !regions.contains { isSame(one, $0) } }
    regions = Array((regions + new).prefix(rule.maxPeople))
    return regions
  }

  /// Which of the regions show somebody, who is followed from there; of two that show the same person, the first.
  /// - Parameter poses: what the model found in each region, nil for nobody.
  public mutating func follow(_ poses: [Pose?]) -> [Int] {
    var people: [Int] = []
    var next: [Region] = []
    hasLost = false
    for (place, pose) in poses.enumerated() {
      var region: Region?
      if let pose, !people.contains(where: { areAlike(pose, poses[$0]) }) {
        people.append(place)
        region = followedRegion(pose, rule: rule)
      }
      if let region {
        next.append(region)
      } else if place < followed {
        hasLost = true
      }
    }
    regions = next
    return people
  }

  /// Forgets everybody, as after a cut or a change of cameras.
  public mutating func reset() {
    self = PeopleFollower(rule: rule)
  }

  private func isSame(_ one: Region, _ other: Region) -> Bool {
    iou(one.personBox(padding: rule.padding), other.personBox(padding: rule.padding)) >= rule.minOverlap
  }

  private func areAlike(_ one: Pose, _ other: Pose?) -> Bool {
    guard let other else { return false }
    return oks(one, other, variances: variances, minScore: rule.minScore) >= rule.maxAlike
  }
}

extension Region {
  /// The upright box around it without its padding: people who stand side by side have regions that overlap.
  public func personBox(padding: Double) -> Box {
    let angle = rotationDegrees * Double.pi / 180
    let (cosine, sine) = (abs(cos(angle)), abs(sin(angle)))
    let halfWidth = (width * cosine + height * sine) / (2 * padding)
    let halfHeight = (width * sine + height * cosine) / (2 * padding)
    return Box(
      left: center.x - halfWidth, top: center.y - halfHeight, right: center.x + halfWidth, bottom: center.y + halfHeight
    )
  }
}
