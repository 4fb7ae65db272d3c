// SPDX-License-Identifier: Apache-2.0

/// Where one keypoint is, and how sure the model is of it.
public struct PosePoint: Equatable, Sendable {
  /// Source px of the upright image, from its left edge.
  public var x: Double
  /// Source px of the upright image, from its top edge.
  public var y: Double
  /// Depth in the same px about the network's own origin; nil where the model gives none.
  public var z: Double?
  /// The model's score, usually 0 to 1.
  public var score: Double

  public init(x: Double, y: Double, z: Double? = nil, score: Double) {
    self.x = x
    self.y = y
    self.z = z
    self.score = score
  }
}

/// One person: a point for every keypoint, in the order of `Keypoint`.
public struct Pose: Equatable, Sendable {
  /// In the order of `Keypoint`, source px of the upright, unmirrored image.
  public let points: [PosePoint]
  /// Where the model looked, source px.
  public let region: Region

  public init(points: [PosePoint], region: Region) {
    self.points = points
    self.region = region
  }

  /// The point of a keypoint.
  public subscript(_ keypoint: Keypoint) -> PosePoint { points[keypoint.index] }
}
