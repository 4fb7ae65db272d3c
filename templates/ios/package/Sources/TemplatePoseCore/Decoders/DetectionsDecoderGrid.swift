// SPDX-License-Identifier: Apache-2.0

extension DetectionsDecoder {
  /// Where a candidate's cell is on its level, how far apart the cells are and how large its anchor is, input px.
  struct Cell {
    var column = 0.0
    var row = 0.0
    var pitch = Point(x: 0, y: 0)
    var size = Point(x: 0, y: 0)
  }

  /// How cells lie: as far apart as their stride, or dividing the input evenly.
  enum Spacing: String, CaseIterable { case stride, even }

  /// The levels of the candidates, which go level after level, within one row by row; none where numbers need none.
  struct CandidateGrid {
    struct Level {
      let columns: Int
      let rows: Int
      let pitch: Point
      /// Candidates a cell.
      let each: Int
      /// Of the anchors of a cell, none where they need no size.
      let sizes: [Point]
      var count: Int { columns * rows * each }
    }

    let levels: [Level]

    init(settings: DecoderSettings) throws(PoseError) {
      let strides = try settings.integers("strides")
      guard strides.allSatisfy({ $0 > 0 }) else { throw settings.wrong("strides", expected: "integers above 0") }
      let counts = settings.has("anchors.counts") ? try settings.integers("anchors.counts") : strides.map { _ in 1 }
      guard counts.count == strides.count, counts.allSatisfy({ $0 > 0 }) else {
        throw settings.wrong("anchors.counts", expected: "one integer above 0 a level")
      }
      let (size, shrink) = (settings.inputSize, settings.inputAlignment.shrink)
      let extent = Point(x: Double(size.width - shrink), y: Double(size.height - shrink))
      let sizes = try settings.anchorSizes(extent: extent, count: counts.reduce(0, +))
      let spacing: Spacing = settings.has("anchors.spacing") ? try settings.choice("anchors.spacing") : .stride
      var first = 0
      levels = zip(strides, counts).map { stride, each in  // what does not fill a cell has one all the same
        let (columns, rows) = ((size.width + stride - 1) / stride, (size.height + stride - 1) / stride)
        let even = Point(x: extent.x / Double(columns), y: extent.y / Double(rows))
        defer { first += each }
        return Level(
          columns: columns, rows: rows,
          pitch: spacing == .even ? even : Point(x: Double(stride), y: Double(stride)), each: each,
          sizes: sizes.isEmpty ? [] : Array(sizes[first..<first + each]))
      }
    }

    var isEmpty: Bool { levels.isEmpty }

    /// Number of candidates; 0 where the outputs say it.
    var count: Int { levels.reduce(0) { $0 + $1.count } }

    func cell(of place: Int) -> Cell {
      var within = place
      for level in levels {
        if within < level.count {
          let (cell, anchor) = within.quotientAndRemainder(dividingBy: level.each)
          let (row, column) = cell.quotientAndRemainder(dividingBy: level.columns)
          let size = level.sizes.isEmpty ? Point(x: 0, y: 0) : level.sizes[anchor]
          return Cell(column: Double(column), row: Double(row), pitch: level.pitch, size: size)
        }
        within -= level.count
      }
      return Cell()
    }
  }
}

extension DecoderSettings {
  /// The sizes of `count` anchors, input px; none where the settings have none.
  func anchorSizes(extent: Point, count: Int) throws(PoseError) -> [Point] {
    guard has("anchors.counts") else { return [] }
    let (widths, heights) = (try numbers("anchors.widths"), try numbers("anchors.heights"))
    guard widths.count == heights.count, widths.isEmpty || widths.count == count else {
      throw wrong("anchors.heights", expected: "as many as anchors.widths, one an anchor of a cell")
    }
    return zip(widths, heights).map { Point(x: $0 * extent.x, y: $1 * extent.y) }
  }
}
