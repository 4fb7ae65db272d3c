// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The affine from source px to input px, and what a sampler needs beside it.
public struct InputTransform: Equatable, Sendable {
  /// Source px (upright image) to input px.
  public let matrix: Affine
  /// Input px back to source px.
  public let inverse: Affine
  /// Columns of the input that show the source; the others are `padValue`.
  public let contentColumns: Range<Int>
  /// Rows of the input that show the source; the others are `padValue`.
  public let contentRows: Range<Int>
  /// Coordinate of the centre of pixel 0.
  public let pixelCenter: Double
  /// Outside the source, repeat its edge (true) or blend with `padValue` (false).
  public let clamp: Bool

  /// Source px to input px.
  public func toInput(_ point: Point) -> Point { matrix.apply(point) }

  /// Input px to source px.
  public func toSource(_ point: Point) -> Point { inverse.apply(point) }

  /// A box in input px as the upright box around it in source px.
  func toSource(_ box: Box) -> Box {
    let a = toSource(Point(x: box.left, y: box.top))
    let b = toSource(Point(x: box.right, y: box.top))
    let c = toSource(Point(x: box.right, y: box.bottom))
    let d = toSource(Point(x: box.left, y: box.bottom))
    return Box(
      left: min(a.x, b.x, c.x, d.x), top: min(a.y, b.y, c.y, d.y), right: max(a.x, b.x, c.x, d.x),
      bottom: max(a.y, b.y, c.y, d.y))
  }

  /// Metres in the axes of the input in those of the source: x and y turned, z as it is.
  func turned(_ offset: WorldPoint) -> WorldPoint {
    let length = hypot(matrix.a, matrix.b)
    let (cosine, sine) = (matrix.a / length, matrix.b / length)
    return WorldPoint(
      x: cosine * offset.x - sine * offset.y, y: sine * offset.x + cosine * offset.y, z: offset.z)
  }

  /// Mean scale of `toSource`, used for depth (z), which has no axis of its own.
  public var sourcePxPerInputPx: Double { 1 / abs(matrix.determinant).squareRoot() }
}

/// The transform that brings `region` (source px) to the network's input as `input.resize` says.
/// - Throws: `PoseError.invalidRegion` where the region is too small or too large for a finite scale, and
///   where it is turned though sampling is antialiased: that filter has the axes of the picture.
public func inputTransform(region: Region, input: InputSpec) throws(PoseError) -> InputTransform {
  guard region.rotationDegrees == 0 || input.sampling != .bilinearAntialias else {
    throw .invalidRegion(
      "turned by \(region.rotationDegrees) degrees, but antialiased sampling is for upright regions alone")
  }
  let shrink = input.alignment.shrink
  let content = try contentRectangle(region: region, input: input, shrink: shrink)
  let angle = region.rotationDegrees * Double.pi / 180
  let cosine = cos(angle)
  let sine = sin(angle)
  let scaleX = content.extentX / region.width
  let scaleY = content.extentY / region.height
  let a = cosine * scaleX
  let b = sine * scaleX
  let c = -sine * scaleY
  let d = cosine * scaleY
  let matrix = Affine(
    a: a, b: b,
    tx: Double(content.columns.lowerBound) + content.extentX / 2
      - (a * region.center.x + b * region.center.y),
    c: c, d: d,
    ty: Double(content.rows.lowerBound) + content.extentY / 2
      - (c * region.center.x + d * region.center.y))
  let inverse = matrix.inverse
  guard matrix.isUsable, inverse.isUsable else { throw unusableScale(region) }
  return InputTransform(
    matrix: matrix, inverse: inverse, contentColumns: content.columns, contentRows: content.rows,
    pixelCenter: input.pixelCenter, clamp: input.outside == .edge)
}

private struct Content {
  let columns: Range<Int>
  let rows: Range<Int>
  let extentX: Double
  let extentY: Double
}

/// Where in the input the region goes, and how long its sides are there, input px.
private func contentRectangle(region: Region, input: InputSpec, shrink: Int) throws(PoseError)
  -> Content
{
  let size = input.size
  let extentX = Double(size.width - shrink)
  let extentY = Double(size.height - shrink)
  guard input.resize == .letterbox else {
    return Content(
      columns: 0..<size.width, rows: 0..<size.height, extentX: extentX, extentY: extentY)
  }
  let fitting = min(extentX / region.width, extentY / region.height)
  let scale = input.enlarge ? fitting : min(fitting, 1)
  guard (region.width * scale).isFinite, (region.height * scale).isFinite else {
    throw unusableScale(region)
  }
  let width = max(input.rounding.wholePx(region.width * scale) + shrink, 1)
  let height = max(input.rounding.wholePx(region.height * scale) + shrink, 1)
  let left = spareBefore(size.width - width, input: input)
  let top = spareBefore(size.height - height, input: input)
  return Content(
    columns: left..<left + width, rows: top..<top + height,
    extentX: Double(max(width - shrink, 1)), extentY: Double(max(height - shrink, 1)))
}

extension Rounding {
  fileprivate func wholePx(_ side: Double) -> Int {
    switch self {
    case .halfUp: Int((side + 0.5).rounded(.down))
    case .halfEven: Int(side.rounded(.toNearestOrEven))
    case .floor: Int(side.rounded(.down))
    }
  }
}

/// Of `spare` px of padding those that lie before the content.
private func spareBefore(_ spare: Int, input: InputSpec) -> Int {
  guard input.anchor == .center else { return 0 }
  return (spare + (input.oddPixel == .before ? 1 : 0)) / 2
}

private func unusableScale(_ region: Region) -> PoseError {
  .invalidRegion(
    "\(region.width) x \(region.height) px at (\(region.center.x), \(region.center.y)) is too small, too large or "
      + "too far away")
}
