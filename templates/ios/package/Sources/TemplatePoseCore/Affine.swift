// SPDX-License-Identifier: Apache-2.0

/// A point (x, y); its owner says in which px.
public struct Point: Equatable, Sendable {
  public var x: Double
  public var y: Double

  public init(x: Double, y: Double) {
    self.x = x
    self.y = y
  }
}

/// A size in whole px.
public struct PixelSize: Equatable, Sendable {
  public let width: Int
  public let height: Int

  public init(width: Int, height: Int) {
    self.width = width
    self.height = height
  }
}

/// A 2 x 3 affine: `x' = a x + b y + tx`, `y' = c x + d y + ty`.
public struct Affine: Equatable, Sendable {
  public let a: Double
  public let b: Double
  public let tx: Double
  public let c: Double
  public let d: Double
  public let ty: Double

  public init(a: Double, b: Double, tx: Double, c: Double, d: Double, ty: Double) {
    self.a = a
    self.b = b
    self.tx = tx
    self.c = c
    self.d = d
    self.ty = ty
  }

  /// Factor by which areas grow; negative where the affine mirrors.
  public var determinant: Double { a * d - b * c }

  /// The affine that leads back. Its numbers are not finite where there is none.
  public var inverse: Affine {
    let det = determinant
    let ia = d / det
    let ib = -b / det
    let ic = -c / det
    let id = a / det
    return Affine(a: ia, b: ib, tx: -(ia * tx + ib * ty), c: ic, d: id, ty: -(ic * tx + id * ty))
  }

  /// The point's image.
  public func apply(_ point: Point) -> Point {
    Point(x: a * point.x + b * point.y + tx, y: c * point.x + d * point.y + ty)
  }

  /// First this affine, then `next`.
  func followed(by next: Affine) -> Affine {
    let start = next.apply(Point(x: tx, y: ty))
    return Affine(
      a: next.a * a + next.b * c, b: next.a * b + next.b * d, tx: start.x,
      c: next.c * a + next.d * c, d: next.c * b + next.d * d, ty: start.y)
  }

  /// The same affine before a shift of its argument and after one of its result.
  func shifted(argument: Double, result: Double) -> Affine {
    let start = apply(Point(x: argument, y: argument))
    return Affine(a: a, b: b, tx: start.x + result, c: c, d: d, ty: start.y + result)
  }

  /// Whether px can be computed with it: its numbers are finite, and so are their sums over an input.
  var isUsable: Bool {
    [a, b, tx, c, d, ty].allSatisfy { abs($0) < 1e30 }  // false for NaN
  }
}
