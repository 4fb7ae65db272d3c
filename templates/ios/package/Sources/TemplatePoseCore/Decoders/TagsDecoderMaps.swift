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
      for row in 0..<side {
        let upper = (rows.low[row] - rows.low[0]) * width
        let weight = rows.weight[row]
        for column in 0..<side {
          let at = upper + columns.low[column] - columns.low[0]
          let before = blend(values[at], values[at + width], weight)
          let after = blend(values[at + 1], values[at + width + 1], weight)
          found[row * side + column] = blend(before, after, columns.weight[column])
        }
      }
    }

    private mutating func readMiddle(_ channel: Int, height: Int, width: Int) {
      if values.count < height * width { values = Array(repeating: 0, count: height * width) }
      for at in 0..<height * width { values[at] = 0 }
      for map in maps {
        let (mapHeight, mapWidth, depth) = (map.tensor.shape[0], map.tensor.shape[1], map.tensor.shape[2])
        ownRows.set(from: rows.low[0], count: height, old: mapHeight, new: middle.height)
        ownColumns.set(from: columns.low[0], count: width, old: mapWidth, new: middle.width)
        let first = map.first + channel
        map.tensor.values.withUnsafeBufferPointer { numbers in
          for row in 0..<height {
            let upper = within(ownRows.low[row], mapHeight) * mapWidth * depth + first
            let lower = within(ownRows.low[row] + 1, mapHeight) * mapWidth * depth + first
            let weight = ownRows.weight[row]
            for column in 0..<width {
              let left = within(ownColumns.low[column], mapWidth) * depth
              let right = within(ownColumns.low[column] + 1, mapWidth) * depth
              let before = blend(Double(numbers[upper + left]), Double(numbers[lower + left]), weight)
              let after = blend(Double(numbers[upper + right]), Double(numbers[lower + right]), weight)
              values[row * width + column] += blend(before, after, ownColumns.weight[column])
            }
          }
        }
      }
      for at in 0..<height * width { values[at] /= Double(maps.count) }
    }

    private func bounds(isMost: Bool) -> [Double] {
      // a blend of equal numbers may end a last digit beside them
      var found = [Double](repeating: isMost ? Self.slack : -Self.slack, count: tileCount * count)
      var own = [Float](repeating: 0, count: count)
      for map in maps {
        let (mapHeight, mapWidth, depth) = (map.tensor.shape[0], map.tensor.shape[1], map.tensor.shape[2])
        map.tensor.values.withUnsafeBufferPointer { numbers in
          for tile in 0..<tileCount {
            for c in 0..<count { own[c] = isMost ? -.infinity : .infinity }
            let across = touched(tile % tilesAcross, old: mapWidth, middle: middle.width, new: size.width)
            for row in touched(tile / tilesAcross, old: mapHeight, middle: middle.height, new: size.height) {
              for column in across {
                let at = (row * mapWidth + column) * depth + map.first
                for c in 0..<count { own[c] = isMost ? max(own[c], numbers[at + c]) : min(own[c], numbers[at + c]) }
              }
            }
            for c in 0..<count { found[tile * count + c] += Double(own[c]) / Double(maps.count) }
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

    /// From `low` to `high`; `low` wherever both are equal.
    private func blend(_ low: Double, _ high: Double, _ weight: Double) -> Double { low + (high - low) * weight }

    private func within(_ cell: Int, _ count: Int) -> Int { min(max(cell, 0), count - 1) }
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
