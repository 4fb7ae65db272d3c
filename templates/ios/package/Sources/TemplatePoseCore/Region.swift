// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A rectangle of the upright source image that shows one person.
public struct Region: Equatable, Sendable {
  /// Centre, source px.
  public let center: Point
  /// Width before rotation, source px.
  public let width: Double
  /// Height before rotation, source px.
  public let height: Double
  /// Turn about the centre, clockwise as seen (y points down).
  public let rotationDegrees: Double

  /// - Throws: `PoseError.invalidRegion` unless all numbers are finite and the size is positive.
  public init(center: Point, width: Double, height: Double, rotationDegrees: Double = 0)
    throws(PoseError)
  {
    let finite = [center.x, center.y, width, height, rotationDegrees].allSatisfy(\.isFinite)
    guard finite, width > 0, height > 0 else {
      throw .invalidRegion(
        "centre (\(center.x), \(center.y)), size \(width) x \(height) px, turn \(rotationDegrees); "
          + "it needs finite numbers and a positive size")
    }
    self.center = center
    self.width = width
    self.height = height
    self.rotationDegrees = rotationDegrees
  }
}

/// A person's box: two corners, source px of the upright image.
public struct Box: Equatable, Sendable {
  public let left: Double
  public let top: Double
  public let right: Double
  public let bottom: Double

  public init(left: Double, top: Double, right: Double, bottom: Double) {
    self.left = left
    self.top = top
    self.right = right
    self.bottom = bottom
  }

  /// Whether all its numbers are finite.
  var isFinite: Bool { left.isFinite && top.isFinite && right.isFinite && bottom.isFinite }

  /// Whether it can be a person's.
  var isSound: Bool {
    [left, top, right, bottom].allSatisfy { abs($0) <= farthestPx } && right - left >= smallestPx
      && bottom - top >= smallestPx
  }
}

/// The region of a person's box: grown about its centre to the aspect of `size`, times `padding`.
///
/// - Parameters:
///   - box: source px.
///   - size: the network's input, input px.
///   - padding: `InputSpec.boxPadding`.
/// - Throws: `PoseError.invalidRegion` for a box without area.
public func regionFromBox(_ box: Box, size: PixelSize, padding: Double) throws(PoseError) -> Region {
  var width = box.right - box.left
  var height = box.bottom - box.top
  let aspect = Double(size.width) / Double(size.height)
  if width > height * aspect {
    height = width / aspect
  } else {
    width = height * aspect
  }
  let center = Point(x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2)
  return try Region(center: center, width: width * padding, height: height * padding)
}

/// How a region comes from points of a person or of a hand.
public struct PointsRule: Equatable, Sendable {
  /// Place of a point among the points.
  public let first: Int
  /// Place of another; the vector to it is turned to `targetDegrees`.
  public let second: Int
  /// By how much the region is grown.
  public let scale: Double
  /// By how much of its height the region is moved along its own y axis.
  public let shift: Double
  /// Counter-clockwise from the x axis; 90 is up.
  public let targetDegrees: Double
  /// Further places, the vector then goes to the mean of all; one that is named twice counts twice.
  public let withSecond: [Int]
  /// Places of points whose extent along the turned axes is the region's.
  public let among: [Int]

  public init(
    first: Int, second: Int, scale: Double, shift: Double = 0, targetDegrees: Double = 90, withSecond: [Int] = [],
    among: [Int] = []
  ) {
    self.first = first
    self.second = second
    self.scale = scale
    self.shift = shift
    self.targetDegrees = targetDegrees
    self.withSecond = withSecond
    self.among = among
  }
}

let farthestPx = 1e7
private let smallestPx = 1e-3

/// The square region, turned, about the first point, whose half side is the second one's distance, times the scale.
///
/// - Parameters:
///   - points: px of the upright image.
///   - box: where given, the square is about its middle and as large as its longer side. Where the rule has points
///     `among`, the same of their extent.
/// - Returns: nil where both points are one place, or too far away.
public func regionFromPoints(_ points: [Point], rule: PointsRule, box: Box? = nil) -> Region? {
  let from = points[rule.first]
  let leads = [rule.second] + rule.withSecond
  let count = Double(leads.count)
  let to = Point(
    x: leads.reduce(0) { $0 + points[$1].x } / count, y: leads.reduce(0) { $0 + points[$1].y } / count)
  let distance = 2 * hypot(to.x - from.x, to.y - from.y)
  guard distance >= smallestPx, distance <= farthestPx, abs(from.x) <= farthestPx, abs(from.y) <= farthestPx
  else { return nil }
  let turn = rule.targetDegrees - atan2(from.y - to.y, to.x - from.x) * 180 / Double.pi
  let degrees = turn - 360 * ((turn + 180) / 360).rounded(.down)
  let angle = degrees * Double.pi / 180
  var (center, height, side) = (from, distance, distance)
  if let box {
    guard box.isSound else { return nil }
    let width = box.right - box.left
    height = box.bottom - box.top
    center = Point(x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2)
    side = max(width, height)
  } else if !rule.among.isEmpty {
    let extent = extent(of: rule.among.map { points[$0] }, about: from, angle: angle)
    (center, height, side) = (extent.center, extent.height, max(extent.width, extent.height))
    guard side >= smallestPx, side <= farthestPx, abs(center.x) <= farthestPx, abs(center.y) <= farthestPx
    else { return nil }
  }
  let away = rule.shift * height
  return try? Region(
    center: Point(x: center.x - away * sin(angle), y: center.y + away * cos(angle)),
    width: side * rule.scale, height: side * rule.scale, rotationDegrees: degrees)
}

/// Middle, width and height of points along axes turned by `angle`, radians, clockwise as seen, about a point.
private func extent(
  of points: [Point], about: Point, angle: Double
) -> (center: Point, width: Double, height: Double) {
  let (sine, cosine) = (sin(angle), cos(angle))
  let across = points.map { ($0.x - about.x) * cosine + ($0.y - about.y) * sine }
  let down = points.map { ($0.y - about.y) * cosine - ($0.x - about.x) * sine }
  let (left, right) = (across.min() ?? 0, across.max() ?? 0)
  let (top, bottom) = (down.min() ?? 0, down.max() ?? 0)
  let (u, v) = ((left + right) / 2, (top + bottom) / 2)
  let center = Point(x: about.x + u * cosine - v * sine, y: about.y + u * sine + v * cosine)
  return (center, right - left, bottom - top)
}

/// The region of a whole upright image; under `.affineCrop` it is grown to the input's aspect.
/// - Throws: `PoseError.emptyImage` for an image without pixels.
public func frameRegion(sourceSize: PixelSize, input: InputSpec) throws(PoseError) -> Region {
  guard sourceSize.width > 0, sourceSize.height > 0 else {
    throw .emptyImage(width: sourceSize.width, height: sourceSize.height)
  }
  let shrink = input.alignment == .corners ? 1 : 0
  let width = Double(max(sourceSize.width - shrink, 1))
  let height = Double(max(sourceSize.height - shrink, 1))
  if input.resize == .affineCrop {
    let whole = Box(left: 0, top: 0, right: width, bottom: height)
    return try regionFromBox(whole, size: input.size, padding: 1)
  }
  return try Region(center: Point(x: width / 2, y: height / 2), width: width, height: height)
}
