// SPDX-License-Identifier: Apache-2.0

/// What the model says of every place of where it looked: a grid of cells, with one number a cell.
public struct DenseMap: Equatable, Sendable {
  /// The contract's name of it.
  public let name: String
  /// Cells in a row and in a column.
  public let size: PixelSize
  /// Row after row: of a mask how sure the model is, 0 to 1, else the number of the cell's label.
  public let values: [Float]
  /// The names of labels 1, 2, ...; 0 is the background. A mask has one.
  public let labels: [String]
  /// From which value on a mask is on; nil where `values` are labels.
  public let threshold: Double?
  /// From a cell's column and row to the middle of it, px of the upright image.
  public let toPicture: Affine

  /// U and V of each cell in turn, 0 to 1: where on the surface of its part it is; nil where the model does not say.
  public var surface: [Float]?

  /// The number of a cell's label; of a mask 1 where it is on.
  public func label(column: Int, row: Int) -> Int { label(at: row * size.width + column) }

  func label(at index: Int) -> Int {
    guard let threshold else { return Int(values[index]) }
    return values[index] >= Float(threshold) ? 1 : 0
  }

  /// The value at a place, px of the upright image; 0 where the model did not look.
  ///
  /// Between cells a mask is bilinear; a label is that of the nearest cell.
  public func value(at place: Point) -> Float {
    let cell = toPicture.inverse.apply(place)
    let last = Point(x: Double(size.width) - 1, y: Double(size.height) - 1)
    guard cell.x >= -0.5, cell.x <= last.x + 0.5, cell.y >= -0.5, cell.y <= last.y + 0.5 else { return 0 }
    let within = Point(x: min(max(cell.x, 0), last.x), y: min(max(cell.y, 0), last.y))
    guard threshold != nil else {
      return values[Int(within.y + 0.5) * size.width + Int(within.x + 0.5)]
    }
    return between(within)
  }

  private func between(_ cell: Point) -> Float {
    let (left, top) = (Int(cell.x), Int(cell.y))
    let (right, below) = (min(left + 1, size.width - 1), min(top + 1, size.height - 1))
    let (across, down) = (cell.x - Double(left), cell.y - Double(top))
    func value(_ row: Int, _ column: Int) -> Double { Double(values[row * size.width + column]) }
    let above = value(top, left) * (1 - across) + value(top, right) * across
    let under = value(below, left) * (1 - across) + value(below, right) * across
    return Float(above * (1 - down) + under * down)
  }
}
