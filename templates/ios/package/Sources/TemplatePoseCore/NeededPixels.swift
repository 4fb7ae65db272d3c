// SPDX-License-Identifier: Apache-2.0

/// A rectangle of a stored picture, px.
public struct PixelRectangle: Equatable, Sendable {
  public let left: Int
  public let top: Int
  public let width: Int
  public let height: Int

  public init(left: Int, top: Int, width: Int, height: Int) {
    self.left = left
    self.top = top
    self.width = width
    self.height = height
  }

  /// All of a picture.
  public init(of size: PixelSize) {
    self.init(left: 0, top: 0, width: size.width, height: size.height)
  }
}

/// The part of a stored picture that an input is made of; never empty, and all of it where sampling is antialiased,
/// whose filter reads far around.
/// - Parameters:
///   - size: of the stored picture, px.
///   - transform: from the upright picture's px to input px.
func neededPixels(
  of size: PixelSize, transform: InputTransform, input: InputSpec, orientation: Orientation
) -> PixelRectangle {
  guard input.sampling != .bilinearAntialias else { return PixelRectangle(of: size) }
  let toIndex = transform.inverse
    .shifted(argument: transform.pixelCenter, result: -transform.pixelCenter)
    .followed(by: storedIndexMatrix(storedSize: size, orientation: orientation))
  let (columns, rows) = (transform.contentColumns, transform.contentRows)
  guard !columns.isEmpty, !rows.isEmpty else { return PixelRectangle(left: 0, top: 0, width: 1, height: 1) }
  let corners = [columns.lowerBound, columns.upperBound - 1].flatMap { column in
    [rows.lowerBound, rows.upperBound - 1].map { row in
      toIndex.apply(Point(x: Double(column), y: Double(row)))
    }
  }
  let across = taps(corners.map(\.x), length: size.width)
  let down = taps(corners.map(\.y), length: size.height)
  return PixelRectangle(
    left: across.lowerBound, top: down.lowerBound, width: across.count, height: down.count)
}

/// What is read between the least and the greatest index, in a row of `length` px: what lies outside is looked for at
/// the edge. One px more on each side, for an index may be rounded.
private func taps(_ indices: [Double], length: Int) -> ClosedRange<Int> {
  func within(_ index: Double) -> Int { Int(min(max(index, 0), Double(length - 1))) }
  let least = within((indices.min() ?? 0).rounded(.down) - 1)
  let most = within((indices.max() ?? 0).rounded(.down) + 2)
  return least...most
}
