// SPDX-License-Identifier: Apache-2.0

/// Follows one person from frame to frame by shoulders and hips, as MoveNet's own crop does; the region is always a
/// square.
///
/// Off unless the app makes one. Give `region` to `estimate`, and the pose to `update`. Source: MoveNet's published
/// tutorial.
public struct TorsoTracker: Equatable, Sendable {
  /// Where to look next, source px; nil before the first pose: see `wholeSquare`.
  public private(set) var region: Region?
  /// Places of the keypoints among the points of a pose.
  public let leftShoulder: Int
  public let rightShoulder: Int
  public let leftHip: Int
  public let rightHip: Int
  /// From this score on a point belongs to the body; above it the torso is seen.
  public let minScore: Double
  /// By how much the farthest shoulder or hip is exceeded.
  public let torsoMargin: Double
  /// By how much the farthest point is exceeded.
  public let bodyMargin: Double

  public init(
    leftShoulder: Int, rightShoulder: Int, leftHip: Int, rightHip: Int, minScore: Double = 0.2,
    torsoMargin: Double = 1.9, bodyMargin: Double = 1.2
  ) {
    self.leftShoulder = leftShoulder
    self.rightShoulder = rightShoulder
    self.leftHip = leftHip
    self.rightHip = rightHip
    self.minScore = minScore
    self.torsoMargin = torsoMargin
    self.bodyMargin = bodyMargin
  }

  /// Takes the pose of this frame; returns the region for the next: the square about the middle of the hips that holds
  /// torso and body, which may reach out of the picture, or the whole picture where the torso is not seen, or fills it.
  /// - Throws: `PoseError.emptyImage` for an image without pixels.
  @discardableResult
  public mutating func update(_ pose: Pose, sourceSize: PixelSize) throws(PoseError) -> Region {
    let whole = try Self.wholeSquare(sourceSize: sourceSize)
    let next = ofTorso(pose.points, sourceSize) ?? whole
    region = next
    return next
  }

  /// Forgets the person.
  public mutating func reset() {
    region = nil
  }

  /// The whole picture as a square, whose shorter side is padded; for the first frame.
  /// - Throws: `PoseError.emptyImage` for an image without pixels.
  public static func wholeSquare(sourceSize: PixelSize) throws(PoseError) -> Region {
    guard sourceSize.width > 0, sourceSize.height > 0 else {
      throw .emptyImage(width: sourceSize.width, height: sourceSize.height)
    }
    let side = Double(max(sourceSize.width, sourceSize.height))
    let center = Point(x: Double(sourceSize.width) / 2, y: Double(sourceSize.height) / 2)
    return try Region(center: center, width: side, height: side)
  }

  private func ofTorso(_ points: [PosePoint], _ size: PixelSize) -> Region? {
    let shoulders = max(points[leftShoulder].score, points[rightShoulder].score)
    let hips = max(points[leftHip].score, points[rightHip].score)
    guard min(shoulders, hips) > minScore else { return nil }
    let center = Point(
      x: (points[leftHip].x + points[rightHip].x) / 2, y: (points[leftHip].y + points[rightHip].y) / 2)
    func away(_ point: PosePoint) -> Double { max(abs(point.x - center.x), abs(point.y - center.y)) }
    let torso = [leftShoulder, rightShoulder, leftHip, rightHip].map { away(points[$0]) }.max() ?? 0
    let body = points.filter { $0.score >= minScore }.map(away).max() ?? 0
    let farthestSide = max(
      center.x, Double(size.width) - center.x, center.y, Double(size.height) - center.y)
    let half = min(max(torsoMargin * torso, bodyMargin * body), farthestSide)
    guard half > 0, half <= Double(max(size.width, size.height)) / 2 else { return nil }
    return try? Region(center: center, width: 2 * half, height: 2 * half)
  }
}
