// SPDX-License-Identifier: Apache-2.0

/// What z of a point and places in the world mean.
public struct Depth: Equatable, Sendable {
  /// What z counts in; places in `Pose.world` are in metres always.
  public enum Unit: Sendable {
    /// Source px of the upright image, as x and y.
    case px
    case metres
  }

  /// Which way z goes.
  public enum Direction: Sendable {
    /// A larger z is farther from the camera.
    case away
    /// A larger z is nearer to the camera.
    case towards
  }

  public let unit: Unit
  /// The keypoints whose mean is the origin; none: the camera.
  public let root: [Keypoint]
  public let direction: Direction
  /// Whether the model's places have another origin, so that the root's is taken from each.
  let subtractsRoot: Bool

  init(unit: Unit, root: [Keypoint], direction: Direction, subtractsRoot: Bool) {
    self.unit = unit
    self.root = root
    self.direction = direction
    self.subtractsRoot = subtractsRoot
  }

  /// The depth of a person's points that is 0; nil where they stay as they are.
  func origin(of points: ArraySlice<PosePoint>) -> Double? {
    guard subtractsRoot else { return nil }
    let depths = root.compactMap { points[points.startIndex + $0.index].z }
    return depths.count == root.count ? depths.reduce(0, +) / Double(root.count) : nil
  }

  /// Places in the world about the root.
  func aboutRoot(_ world: [WorldPoint]) -> [WorldPoint] {
    guard subtractsRoot else { return world }
    let count = Double(root.count)
    let middle = WorldPoint(
      x: root.reduce(0) { $0 + world[$1.index].x } / count, y: root.reduce(0) { $0 + world[$1.index].y } / count,
      z: root.reduce(0) { $0 + world[$1.index].z } / count)
    return world.map { WorldPoint(x: $0.x - middle.x, y: $0.y - middle.y, z: $0.z - middle.z) }
  }
}
