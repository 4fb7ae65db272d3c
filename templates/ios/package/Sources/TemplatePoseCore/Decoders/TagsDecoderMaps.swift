// SPDX-License-Identifier: Apache-2.0

extension TagsDecoder {
  /// Maps of several sizes as one: their mean at the middle size, brought to a grid, both bilinearly.
  ///
  /// The grid may be as large as the input, so it is read in windows; `most` and `least` say what a tile can hold.
  struct UpsampledMaps {
    /// Channels of a tensor (h, w, any), from `first` on.
    struct Map {
      let tensor: OutputTensor
      let first: Int
    }

    /// Cells of a tile's side; only speed depends on it.
    static let tile = 16
    private static let slack = 1e-9

    let count: Int
    let size: PixelSize
    let tilesAcross: Int
    let tileCount: Int
    /// What no value of channel c in a tile exceeds, at tile * count + c.
    private(set) lazy var most = bounds(isMost: true)
    /// What no value of channel c in a tile falls below.
    private(set) lazy var least = bounds(isMost: false)
    private let maps: [Map]
    private let middle: PixelSize
    private var values: [Double] = []
    private var line: [Double] = []
    private var rows = Taps()
    private var columns = Taps()
    private var ownRows = Taps()
    private var ownColumns = Taps()

    init(_ maps: [Map], count: Int, middle: PixelSize, size: PixelSize) {
      self.maps = maps
      self.count = count
      self.middle = middle
      self.size = size
      tilesAcross = (size.width + Self.tile - 1) / Self.tile
      tileCount = tilesAcross * ((size.height + Self.tile - 1) / Self.tile)
    }

    /// The first row and column of a tile.
    func corner(of tile: Int) -> (top: Int, left: Int) {
      (tile / tilesAcross * Self.tile, tile % tilesAcross * Self.tile)
    }

    /// Writes `side` x `side` values of a channel from row `top` and column `left` on; the border is repeated.
    mutating func window(_ channel: Int, top: Int, left: Int, side: Int, into found: inout [Double]) {
      rows.set(from: top, count: side, old: middle.height, new: size.height)
      columns.set(from: left, count: side, old: middle.width, new: size.width)
      let width = columns.low[side - 1] + 2 - columns.low[0]
      readMiddle(channel, height: rows.low[side - 1] + 2 - rows.low[0], width: width)
      Self.bring(values, width, to: &found, side, rows, columns, &line)
    }

    /// Values, `width` a row, to the grid.
    private static func bring(
      _ values: [Double], _ width: Int, to found: inout [Double], _ side: Int, _ rows: Taps, _ columns: Taps,
      _ line: inout [Double]
    ) {
      values.withUnsafeBufferPointer { values in
        line.withUnsafeMutableBufferPointer { line in
          for row in 0..<side {
            let upper = (rows.low[row] - rows.low[0]) * width
            let weight = rows.weight[row]
            for at in 0..<width { line[at] = blend(values[upper &+ at], values[upper &+ width &+ at], weight) }
            for column in 0..<side {
              let at = columns.low[column] - columns.low[0]
              found[row * side + column] = blend(line[at], line[at + 1], columns.weight[column])
            }
          }
        }
      }
    }

    private mutating func readMiddle(_ channel: Int, height: Int, width: Int) {
      if values.count < height * width { values = Array(repeating: 0, count: height * width) }
      for at in 0..<height * width { values[at] = 0 }
      for map in maps {
        let (mapHeight, mapWidth) = (map.tensor.shape[0], map.tensor.shape[1])
        ownRows.set(from: rows.low[0], count: height, old: mapHeight, new: middle.height)
        ownColumns.set(from: columns.low[0], count: width, old: mapWidth, new: middle.width)
        let first = ownColumns.low[0]
        let count = ownColumns.low[width - 1] + 2 - first
        if line.count < max(count, width) { line = Array(repeating: 0, count: max(count, width)) }
        for row in 0..<height {
          Self.read(map, channel, ownRows.low[row], ownRows.weight[row], first, count, into: &line)
          for column in 0..<width {
            let at = ownColumns.low[column] - first
            values[row * width + column] += blend(line[at], line[at + 1], ownColumns.weight[column])
          }
        }
      }
      for at in 0..<height * width { values[at] /= Double(maps.count) }
    }

    /// `count` cells of a map from column `first` on, between row `low` and the next one.
    private static func read(
      _ map: Map, _ channel: Int, _ low: Int, _ weight: Double, _ first: Int, _ count: Int, into line: inout [Double]
    ) {
      let (height, width, depth) = (map.tensor.shape[0], map.tensor.shape[1], map.tensor.shape[2])
      let upper = within(low, height) * width * depth + map.first + channel
      let lower = within(low + 1, height) * width * depth + map.first + channel
      map.tensor.values.withUnsafeBufferPointer { numbers in
        for at in 0..<count {
          let column = within(first + at, width) * depth
          let value = Double(numbers[upper + column])
          line[at] = weight == 0 ? value : blend(value, Double(numbers[lower + column]), weight)
        }
      }
    }

    private func bounds(isMost: Bool) -> [Double] {
      // a blend of equal numbers may end a last digit beside them
      var found = [Double](repeating: isMost ? Self.slack : -Self.slack, count: tileCount * count)
      for map in maps {
        let (mapHeight, mapWidth, depth) = (map.tensor.shape[0], map.tensor.shape[1], map.tensor.shape[2])
        let across = (0..<tilesAcross).map { touched($0, old: mapWidth, middle: middle.width, new: size.width) }
        var down = [Float](repeating: 0, count: mapWidth * depth)
        var own = [Float](repeating: 0, count: depth)
        for tileRow in 0..<tileCount / tilesAcross {
          let rows = touched(tileRow, old: mapHeight, middle: middle.height, new: size.height)
          reduce(map.tensor.values, rows, into: &down, isMost: isMost)
          for column in 0..<tilesAcross {
            reduce(down, across[column], into: &own, isMost: isMost)
            let at = (tileRow * tilesAcross + column) * count
            for c in 0..<count { found[at + c] += Double(own[map.first + c]) / Double(maps.count) }
          }
        }
      }
      return found
    }

    /// The cells of a map that a tile is made of along an axis.
    private func touched(_ tile: Int, old: Int, middle: Int, new: Int) -> ClosedRange<Int> {
      var (first, last) = (tile * Self.tile, min((tile + 1) * Self.tile, new) - 1)
      for (inner, outer) in [(middle, new), (old, middle)] where inner != outer {
        first = Int(place(of: first, old: inner, new: outer).rounded(.down))
        last = Int(place(of: last, old: inner, new: outer).rounded(.down)) + 1
      }
      return within(first, old)...within(last, old)
    }
  }

  /// Of one axis: each new cell lies between the old cells `low` and low + 1.
  private struct Taps {
    var low: [Int] = []
    var weight: [Double] = []

    mutating func set(from first: Int, count: Int, old: Int, new: Int) {
      if low.count < count {
        low = Array(repeating: 0, count: count)
        weight = Array(repeating: 0, count: count)
      }
      for i in 0..<count {
        let at = old == new ? Double(first + i) : place(of: first + i, old: old, new: new)
        low[i] = Int(at.rounded(.down))
        weight[i] = at - Double(low[i])
      }
    }
  }
}

/// Where the middle of a new cell lies among the old ones.
private func place(of cell: Int, old: Int, new: Int) -> Double {
  (Double(cell) + 0.5) * (Double(old) / Double(new)) - 0.5
}

/// From `low` to `high`; `low` wherever both are equal.
private func blend(_ low: Double, _ high: Double, _ weight: Double) -> Double { low + (high - low) * weight }

private func within(_ cell: Int, _ count: Int) -> Int { min(max(cell, 0), count - 1) }

/// What the numbers of `parts` as long as `into`, one after the other, are at most or at least.
private func reduce(_ values: [Float], _ parts: ClosedRange<Int>, into found: inout [Float], isMost: Bool) {
  let count = found.count
  values.withUnsafeBufferPointer { values in
    found.withUnsafeMutableBufferPointer { found in
      for part in parts {
        let start = part * count
        if part == parts.lowerBound {
          for at in 0..<count { found[at] = values[start &+ at] }
        } else if isMost {
          for at in 0..<count { found[at] = max(found[at], values[start &+ at]) }
        } else {
          for at in 0..<count { found[at] = min(found[at], values[start &+ at]) }
        }
      }
    }
  }
}
