// SPDX-License-Identifier: Apache-2.0

import Foundation

extension CentersDecoder {
  /// A cell that is as high as its neighbours, with its score.
  struct Peak {
    let x: Int
    let y: Int
    let raw: Double
    let score: Double
  }

  /// Maps whose peaks count: above `threshold`, at most `most` of a map.
  struct PeakRule {
    enum Activation: String, CaseIterable { case none, sigmoid }

    let channels: Channels
    private let activation: Activation
    private let reach: Int
    private let threshold: Double
    private let most: Int
    /// Values below have too low a score; those just above may have, too, for what rounding does to a sigmoid.
    private let lowest: Double

    init(settings: DecoderSettings, role: String, count: Int) throws(PoseError) {
      channels = try Channels(settings: settings, role: role, count: count)
      activation = try settings.choice("\(role).activation")
      let window = try settings.integer("\(role).window")
      guard window > 0, window % 2 == 1 else {
        throw settings.wrong("\(role).window", expected: "an odd number above 0")
      }
      reach = window / 2
      threshold = try settings.number("\(role).threshold")
      most = try settings.integer("\(role).most")
      if activation == .none {
        lowest = threshold
      } else {
        let (sure, slack) = (1e-9, 1e-3)
        lowest = (sure...1 - sure).contains(threshold) ? log(threshold / (1 - threshold)) - slack : -.infinity
      }
    }

    /// The peaks of one map, the best first, of equal ones the first in row order.
    func find(in maps: [String: OutputTensor], channel: Int) -> [Peak] {
      let map = channels.map(in: maps)
      let (values, depth, width) = (map.tensor.values, map.tensor.shape[2], map.width)
      var found: [Peak] = []
      for y in 0..<map.height {
        for x in 0..<width {
          let raw = Double(values[(y * width + x) * depth + map.first + channel])
          if raw < lowest { continue }
          let score = activation == .sigmoid ? sigmoid(raw) : raw
          guard score > threshold, isPeak(map, x, y, channel, raw) else { continue }
          found.append(Peak(x: x, y: y, raw: raw, score: score))
        }
      }
      return Array(found.sorted { ($1.raw, $0.y, $0.x) < ($0.raw, $1.y, $1.x) }.prefix(most))
    }

    private func isPeak(_ map: Map, _ x: Int, _ y: Int, _ channel: Int, _ raw: Double) -> Bool {
      for row in y - reach...y + reach {
        for column in x - reach...x + reach where map.at(column, row, channel) > raw { return false }
      }
      return true
    }
  }
}

extension CentersDecoder.Peak {
  /// The cell moved by its offset; without offsets its middle.
  func moved(by offsets: CentersDecoder.Channels?, in maps: [String: OutputTensor]) -> Point {
    guard let map = offsets?.map(in: maps) else { return Point(x: Double(x) + 0.5, y: Double(y) + 0.5) }
    return Point(x: Double(x) + map.at(x, y, 0), y: Double(y) + map.at(x, y, 1))
  }
}
