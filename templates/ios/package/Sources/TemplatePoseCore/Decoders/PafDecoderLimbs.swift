// SPDX-License-Identifier: Apache-2.0

import Foundation

extension PafDecoder {
  /// Two peaks, by their places among all, that a field joins.
  struct Limb {
    let from: Int
    let to: Int
    let score: Double
  }

  /// Limbs: pairs of peaks between which the field runs from one to the other.
  struct LimbFinder: Sendable {
    /// Whether the samples reach the second peak or stop one step before.
    enum Ends: String, CaseIterable { case first, both }

    enum Rounding: String, CaseIterable {
      case halfUp = "half_up"
      case halfEven = "half_even"
    }

    enum Mean: String, CaseIterable { case all, passing }

    private let pairs: [Int]
    private let channels: [Int]
    private let samples: Int
    private let mostSamples: Int?
    private let ends: Ends
    private let rounding: Rounding
    private let minValue: Double
    private let minRatio: Double
    private let mean: Mean
    private let fullLength: Double

    init(settings: DecoderSettings, pairs: [Int], channels: [Int]) throws(PoseError) {
      self.pairs = pairs
      self.channels = channels
      samples = try settings.integer("limbs.samples", from: 2)
      mostSamples =
        settings.has("limbs.most_samples") ? try settings.integer("limbs.most_samples", from: samples) : nil
      ends = try settings.choice("limbs.ends")
      rounding = try settings.choice("limbs.rounding")
      minValue = try settings.number("limbs.min_value")
      minRatio = try settings.number("limbs.min_ratio")
      mean = try settings.choice("limbs.mean")
      fullLength = try settings.number("limbs.full_length")
    }

    /// Of each pair the limbs, the best first; a peak belongs to one limb of a pair.
    func find(_ fields: CellMaps, first: Int, _ peaks: Peaks, _ axes: Axes) -> [[Limb]] {
      (0..<pairs.count / 2).map { pair in
        var candidates: [Limb] = []
        for from in peaks.places[pairs[2 * pair]] {
          for to in peaks.places[pairs[2 * pair + 1]] {
            let (one, other) = (peaks.all[from], peaks.all[to])
            if let score = agreement(fields, first: first, pair, one, other, axes) {
              candidates.append(Limb(from: from, to: to, score: score))
            }
          }
        }
        let order = candidates.indices.sorted { (candidates[$1].score, $0) < (candidates[$0].score, $1) }
        var taken = Set<Int>()
        return order.map { candidates[$0] }.filter { limb in
          guard !taken.contains(limb.from), !taken.contains(limb.to) else { return false }
          taken.formUnion([limb.from, limb.to])
          return true
        }
      }
    }

    /// How the field of a pair agrees with going from one peak to the other; nil where that is no limb.
    private func agreement(
      _ fields: CellMaps, first: Int, _ pair: Int, _ from: Peak, _ to: Peak, _ axes: Axes
    ) -> Double? {
      let (dx, dy) = (to.x - from.x, to.y - from.y)
      let length = (dx * dx + dy * dy).squareRoot()
      guard length > 0 else { return nil }
      let count = sampleCount(dx, dy)
      let steps = Double(count - (ends == .both ? 1 : 0))
      let (channelX, channelY) = (first + channels[2 * pair], first + channels[2 * pair + 1])
      var (total, passing) = (0.0, 0)
      for step in 0..<count {
        let row = rounded(from.y + dy * Double(step) / steps)
        let column = rounded(from.x + dx * Double(step) / steps)
        let alongX = fields.larger(axes, channel: channelX, row: row, column: column)
        let alongY = fields.larger(axes, channel: channelY, row: row, column: column)
        let agrees = dx / length * alongX + dy / length * alongY
        let passes = agrees > minValue
        if passes { passing += 1 }
        if passes || mean == .all { total += agrees }
      }
      var score = total / Double(mean == .passing ? max(passing, 1) : count)
      if fullLength > 0 { score += min(0, fullLength * Double(axes.down.size) / length - 1) }
      return Double(passing) / Double(count) > minRatio && score > 0 ? score : nil
    }

    private func sampleCount(_ dx: Double, _ dy: Double) -> Int {
      guard let mostSamples else { return samples }
      let wanted = ((5 * max(abs(dx), abs(dy))).squareRoot() + 0.5).rounded(.down)
      return min(max(Int(wanted), samples), mostSamples)
    }

    private func rounded(_ place: Double) -> Int {
      Int(rounding == .halfEven ? place.rounded(.toNearestOrEven) : (place + 0.5).rounded(.down))
    }
  }
}
