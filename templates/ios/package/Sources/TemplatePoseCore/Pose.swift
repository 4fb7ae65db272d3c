// SPDX-License-Identifier: Apache-2.0

/// Where one keypoint is, and how sure the model is of it.
public struct PosePoint: Equatable, Sendable {
  /// Source px of the upright image, from its left edge.
  public var x: Double
  /// Source px of the upright image, from its top edge.
  public var y: Double
  /// Depth as `TemplatePoseContract.depth` says: its unit, origin and direction; nil where the model gives none.
  public var z: Double?
  /// The model's score, usually 0 to 1.
  public var score: Double
  /// How sure the model is that nothing hides the keypoint; nil where it does not say.
  public var visibility: Double?
  /// How sure the model is that the keypoint is in the picture; nil where it does not say.
  public var presence: Double?

  public init(
    x: Double, y: Double, z: Double? = nil, score: Double, visibility: Double? = nil, presence: Double? = nil
  ) {
    self.x = x
    self.y = y
    self.z = z
    self.score = score
    self.visibility = visibility
    self.presence = presence
  }
}

/// Where one keypoint is about the root of `TemplatePoseContract.depth`, metres; x to the right and y down as in the
/// upright image.
public struct WorldPoint: Equatable, Sendable {
  public var x: Double
  public var y: Double
  public var z: Double

  public init(x: Double, y: Double, z: Double) {
    self.x = x
    self.y = y
    self.z = z
  }
}

/// One person: a point for every keypoint, in the order of `Keypoint`.
public struct Pose: Equatable, Sendable {
  /// In the order of `Keypoint`, source px of the upright, unmirrored image.
  public let points: [PosePoint]
  /// How sure the model is of the person, usually 0 to 1; the mean of the points' scores where it does not say.
  public let confidence: Double
  /// The person's box, source px; nil where the model gives none.
  public let box: Box?
  /// Where the model looked, source px.
  public let region: Region
  /// In the order of `Keypoint`; nil where the model gives none.
  public let world: [WorldPoint]?

  public init(
    points: [PosePoint], confidence: Double, box: Box? = nil, region: Region, world: [WorldPoint]? = nil
  ) {
    self.points = points
    self.confidence = confidence
    self.box = box
    self.region = region
    self.world = world
  }

  /// The point of a keypoint.
  public subscript(_ keypoint: Keypoint) -> PosePoint { points[keypoint.index] }
}

/// `for (keypoint, point) in pose` goes through the points by name.
extension Pose: Sequence {
  public struct Iterator: IteratorProtocol {
    private let points: [PosePoint]
    private var place = 0

    init(_ points: [PosePoint]) {
      self.points = points
    }

    public mutating func next() -> (keypoint: Keypoint, point: PosePoint)? {
      guard place < points.count, let keypoint = Keypoint(rawValue: place) else { return nil }
      defer { place += 1 }
      return (keypoint, points[place])
    }
  }

  public func makeIterator() -> Iterator { Iterator(points) }
}
