// SPDX-License-Identifier: Apache-2.0

import Foundation

extension PafDecoder {
  /// Of one axis of a larger map: what each cell adds to each px.
  struct Axis: Sendable {
    let size: Int
    let cells: Int
    /// `cells` numbers a px.
    let weights: [Double]
    /// Of each px the cells whose weight is not 0.
    let used: [Range<Int>]
    /// By how much a px may be more than its largest cell.
    let gain: Double

    init(weights: [[Double]]) {
      size = weights.count
      cells = weights.first?.count ?? 0
      self.weights = Array(weights.joined())
      used = weights.map { row in
        let first = row.firstIndex { $0 != 0 } ?? 0
        return first..<max(first, (row.lastIndex { $0 != 0 } ?? -1) + 1)
      }
      gain = weights.map { row in row.reduce(0) { $0 + abs($1) } }.max() ?? 0
    }
  }

  /// Both axes of larger maps.
  struct Axes: Sendable {
    let down: Axis
    let across: Axis
  }

  /// Maps of the network's cells, (h, w, count).
  struct CellMaps {
    let values: UnsafeBufferPointer<Float>
    let width: Int
    let count: Int

    /// The larger map of one channel at a px: the sum over the cells of its column, then over the columns.
    @inline(__always)
    func larger(_ axes: Axes, channel: Int, row: Int, column: Int) -> Double {
      var total = 0.0
      for x in axes.across.used[column] {
        var sum = 0.0
        for y in axes.down.used[row] {
          sum += axes.down.weights[row * axes.down.cells + y] * Double(values[(y * width + x) * count + channel])
        }
        total += axes.across.weights[column * axes.across.cells + x] * sum
      }
      return total
    }
  }

  /// Maps made larger and blurred, as weights of their cells, so that only the px that matter are computed.
  struct Upsampling: Sendable {
    /// `repeat` repeats cells; the others are OpenCV's resize with half-pixel centres.
    enum Method: String, CaseIterable { case `repeat`, linear, cubic }

    let factor: Int
    /// Of maps as they are.
    private(set) var plain: Axes
    /// Of the maps that peaks are looked for in.
    private(set) var blurred: Axes
    private let method: Method
    private let blurKernel: Int
    private let blurSigma: Double

    init(settings: DecoderSettings) throws(PoseError) {
      factor = try settings.integer("upsampling.factor", from: 1)
      method = try settings.choice("upsampling.method")
      blurKernel = try settings.integer("upsampling.blur_kernel", from: 0)
      guard blurKernel == 0 || blurKernel % 2 == 1 else {
        throw settings.wrong("upsampling.blur_kernel", expected: "an odd number, or 0")
      }
      blurSigma = try settings.number("upsampling.blur_sigma")
      guard blurSigma > 0 else { throw settings.wrong("upsampling.blur_sigma", expected: "a number above 0") }
      let none = Axis(weights: [])
      plain = Axes(down: none, across: none)
      blurred = plain
    }

    /// Makes the axes those of maps of that size, cells.
    mutating func fit(width: Int, height: Int) {
      guard plain.down.cells != height || plain.across.cells != width else { return }
      let (rows, columns) = (larger(height), larger(width))
      plain = Axes(down: Axis(weights: rows), across: Axis(weights: columns))
      blurred = Axes(down: Axis(weights: blur(rows)), across: Axis(weights: blur(columns)))
    }

    /// Cells outside the map are the outermost ones, as in OpenCV.
    private func larger(_ cells: Int) -> [[Double]] {
      (0..<cells * factor).map { row in
        var weights = [Double](repeating: 0, count: cells)
        if method == .repeat {
          weights[row / factor] = 1
          return weights
        }
        let place = (Double(row) + 0.5) / Double(factor) - 0.5
        let low = Int(place.rounded(.down))
        for cell in (low - 1)...(low + 2) {
          weights[min(max(cell, 0), cells - 1)] += weight(abs(place - Double(cell)))
        }
        return weights
      }
    }

    /// Of a cell that is so far away, in cells.
    private func weight(_ distance: Double) -> Double {
      if method == .linear { return max(1 - distance, 0) }
      let keys = -0.75  // of the cubic kernel, as in OpenCV
      if distance <= 1 { return ((keys + 2) * distance - (keys + 3)) * distance * distance + 1 }
      return distance < 2 ? ((keys * distance - 5 * keys) * distance + 8 * keys) * distance - 4 * keys : 0
    }

    /// Outside of the larger map there is 0.
    private func blur(_ rows: [[Double]]) -> [[Double]] {
      guard blurKernel > 0 else { return rows }
      let weights = (0..<blurKernel).map { at in
        let position = Double(at - blurKernel / 2)
        return exp(-(position * position) / (2 * blurSigma * blurSigma))
      }
      let total = weights.reduce(0, +)
      return rows.indices.map { row in
        var sums = [Double](repeating: 0, count: rows[row].count)
        for at in weights.indices {
          let other = row + at - blurKernel / 2
          guard rows.indices.contains(other) else { continue }
          for cell in sums.indices { sums[cell] += weights[at] / total * rows[other][cell] }
        }
        return sums
      }
    }
  }
}
