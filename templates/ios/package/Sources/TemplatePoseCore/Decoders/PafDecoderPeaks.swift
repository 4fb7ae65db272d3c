// SPDX-License-Identifier: Apache-2.0

extension PafDecoder {
  /// Where a keypoint of somebody may be, px of the larger maps.
  struct Peak {
    let row: Int
    let column: Int
    var x: Double
    var y: Double
    let score: Double
  }

  /// Peaks of all keypoints; `places` says which are those of a keypoint.
  struct Peaks {
    var all: [Peak] = []
    var places: [Range<Int>] = []
  }

  /// Peaks of heatmaps that are made larger. Keeps its memory from picture to picture.
  struct PeakFinder: Sendable {
    /// Which of equal neighbours are peaks.
    enum Plateau: String, CaseIterable { case first, all, none }

    enum Order: String, CaseIterable { case rows, columns }

    private static let equal = 1_048_576.0  // values are compared in steps of 1 / equal

    private let keypointCount: Int
    private let minScore: Double
    private let neighbors: Int
    private let plateau: Plateau
    private let order: Order
    private let minDistance: Double
    private let most: Int
    private let centroid: Int
    private var larger: [Double] = []
    private var cells: [Double] = []
    private var isHigh: [Bool] = []  // whether a row of the larger map has anything that is not too low

    init(settings: DecoderSettings) throws(PoseError) {
      keypointCount = settings.keypointCount
      minScore = try settings.number("peaks.min_score")
      guard minScore >= 0 else { throw settings.wrong("peaks.min_score", expected: "a number from 0 on") }
      neighbors = try settings.integer("peaks.neighbors")
      guard neighbors == 4 || neighbors == 8 else { throw settings.wrong("peaks.neighbors", expected: "4 or 8") }
      plateau = try settings.choice("peaks.plateau")
      order = try settings.choice("peaks.order")
      minDistance = try settings.number("peaks.min_distance")
      most = try settings.integer("peaks.most", from: 1)
      centroid = try settings.integer("peaks.centroid", from: 0)
    }

    /// The peaks of the keypoints, whose channels begin at `first`.
    mutating func find(_ maps: CellMaps, first: Int, _ upsampling: Upsampling) -> Peaks {
      var found = Peaks()
      for keypoint in 0..<keypointCount {
        let start = found.all.count
        for peak in kept(peaks(maps, channel: first + keypoint, upsampling)) {
          found.all.append(centroid > 0 ? centered(peak, maps, channel: first + keypoint, upsampling.blurred) : peak)
        }
        found.places.append(start..<found.all.count)
      }
      return found
    }

    private mutating func peaks(_ maps: CellMaps, channel: Int, _ upsampling: Upsampling) -> [Peak] {
      let (high, wide) = (upsampling.blurred.down.size, upsampling.blurred.across.size)
      var found: [Peak] = []
      guard makeLarger(maps, channel: channel, upsampling.blurred) else { return found }
      larger.withUnsafeBufferPointer { values in
        for row in 0..<high where isHigh[row] {
          for column in 0..<wide {
            guard values[row * wide + column] > minScore, isPeak(values, row, column, high, wide) else { continue }
            let score = maps.larger(upsampling.plain, channel: channel, row: row, column: column)
            found.append(Peak(row: row, column: column, x: Double(column), y: Double(row), score: score))
          }
        }
      }
      if order == .columns { found.sort { ($0.column, $0.row) < ($1.column, $1.row) } }
      return found
    }

    private func isPeak(
      _ values: UnsafeBufferPointer<Double>, _ row: Int, _ column: Int, _ high: Int, _ wide: Int
    ) -> Bool {
      let here = step(values[row * wide + column])
      for dy in -1...1 where row + dy >= 0 && row + dy < high {
        for dx in -1...1 where column + dx >= 0 && column + dx < wide {
          if (dy == 0 && dx == 0) || (neighbors == 4 && dy != 0 && dx != 0) { continue }
          let other = step(values[(row + dy) * wide + column + dx])
          let isBefore = dy < 0 || (dy == 0 && dx < 0)
          let mayBeEqual = plateau == .all || (plateau == .first && !isBefore)
          if other > here || (other == here && !mayBeEqual) { return false }
        }
      }
      return true
    }

    private func step(_ value: Double) -> Double { (value * Self.equal + 0.5).rounded(.down) }

    /// Fills `larger` with the channel's larger map, -infinity where it is too low; false if all of it is.
    private mutating func makeLarger(_ maps: CellMaps, channel: Int, _ axes: Axes) -> Bool {
      let (down, across) = (axes.down, axes.across)
      cells.removeAll(keepingCapacity: true)
      var largest = 0.0
      for place in 0..<down.cells * across.cells {
        cells.append(Double(maps.values[place * maps.count + channel]))
        largest = max(largest, abs(cells[place]))
      }
      if largest * down.gain * across.gain <= minScore { return false }
      if larger.count != down.size * across.size || isHigh.count != down.size {
        larger = [Double](repeating: 0, count: down.size * across.size)
        isHigh = [Bool](repeating: false, count: down.size)
      }
      let low = minScore - 2 / Self.equal  // nothing up to this can be a peak, or equal to one
      larger.withUnsafeMutableBufferPointer { larger in
        cells.withUnsafeBufferPointer { cells in
          withUnsafeTemporaryAllocation(of: Double.self, capacity: across.cells) { sums in
            for row in 0..<down.size {
              let out = UnsafeMutableBufferPointer(rebasing: larger[row * across.size..<(row + 1) * across.size])
              Self.fill(sums, cells, axes, row: row)
              isHigh[row] = sums.contains { abs($0) * across.gain > low }
              isHigh[row] ? Self.fill(out, sums, across, low: low) : out.update(repeating: -.infinity)
            }
          }
        }
      }
      return true
    }

    /// The sums over the cells of each column, of one row of the larger map.
    private static func fill(
      _ sums: UnsafeMutableBufferPointer<Double>, _ cells: UnsafeBufferPointer<Double>, _ axes: Axes, row: Int
    ) {
      let (down, width) = (axes.down, axes.across.cells)
      for x in 0..<width { sums[x] = 0 }
      for y in down.used[row] {
        let weight = down.weights[row * down.cells + y]
        for x in 0..<width { sums[x] += weight * cells[y * width + x] }
      }
    }

    /// One row of the larger map; -infinity where none of its columns is high enough.
    private static func fill(
      _ out: UnsafeMutableBufferPointer<Double>, _ sums: UnsafeMutableBufferPointer<Double>, _ across: Axis, low: Double
    ) {
      var lastHigh = -1
      var seen = 0
      across.weights.withUnsafeBufferPointer { weights in
        for x in 0..<across.size {
          let used = across.used[x]
          while seen < used.upperBound {
            if abs(sums[seen]) * across.gain > low { lastHigh = seen }
            seen += 1
          }
          var total = -Double.infinity
          if lastHigh >= used.lowerBound {
            total = 0
            for cell in used { total += weights[x * across.cells + cell] * sums[cell] }
          }
          out[x] = total
        }
      }
    }

    /// Those that are far enough from the ones before them, and of these the best.
    private func kept(_ peaks: [Peak]) -> [Peak] {
      var apart: [Peak] = []
      for one in peaks where minDistance <= 0 || !apart.contains(where: { isNear($0, one) }) { apart.append(one) }
      if apart.count <= most { return apart }
      let falling = apart.indices.sorted { (apart[$1].score, $0) < (apart[$0].score, $1) }
      return falling.prefix(most).sorted().map { apart[$0] }
    }

    private func isNear(_ one: Peak, _ other: Peak) -> Bool {
      let (dx, dy) = (other.x - one.x, other.y - one.y)
      return dx * dx + dy * dy < minDistance * minDistance
    }

    /// A peak at the centroid of the positive values about it.
    private func centered(_ peak: Peak, _ maps: CellMaps, channel: Int, _ axes: Axes) -> Peak {
      var (total, sumX, sumY) = (0.0, 0.0, 0.0)
      for dy in -centroid...centroid where peak.row + dy >= 0 && peak.row + dy < axes.down.size {
        for dx in -centroid...centroid where peak.column + dx >= 0 && peak.column + dx < axes.across.size {
          let value = maps.larger(axes, channel: channel, row: peak.row + dy, column: peak.column + dx)
          let weight = max(value, 0)
          total += weight
          sumX += weight * Double(dx)
          sumY += weight * Double(dy)
        }
      }
      var moved = peak
      (moved.x, moved.y) = (Double(peak.column) + sumX / total, Double(peak.row) + sumY / total)
      return moved
    }
  }
}
