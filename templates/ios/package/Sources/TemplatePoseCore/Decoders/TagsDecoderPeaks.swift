// SPDX-License-Identifier: Apache-2.0

extension TagsDecoder {
  /// A cell of the grid with its score, and its tag where it is a peak.
  struct Peak {
    let y: Int
    let x: Int
    let score: Double
    let tag: [Double]
  }

  /// Finds cells above `threshold` that are as high as everything within `reach` cells, at most `most` of a keypoint.
  struct PeakRule {
    let reach: Int
    private let threshold: Double
    private let most: Int

    init(settings: DecoderSettings) throws(PoseError) {
      let window = try settings.integer("peaks.window")
      guard window > 0, window % 2 == 1 else {
        throw settings.wrong("peaks.window", expected: "an odd number above 0")
      }
      reach = window / 2
      threshold = try settings.number("peaks.threshold")
      most = try settings.integer("peaks.most")
    }

    /// The peaks of each keypoint, the best first, of equal ones the first in row order.
    func find(in maps: inout Maps) -> [[Peak]] {
      let side = UpsampledMaps.tile + 2 * reach
      var values = [Double](repeating: 0, count: side * side)
      var found: [[Peak]] = []
      for k in 0..<maps.heat.count {
        var own: [Peak] = []
        for tile in 0..<maps.heat.tileCount where maps.heat.most[tile * maps.heat.count + k] > threshold {
          let (top, left) = maps.heat.corner(of: tile)
          maps.heat.window(k, top: top - reach, left: left - reach, side: side, into: &values)
          for y in top..<min(top + UpsampledMaps.tile, maps.heat.size.height) {
            for x in left..<min(left + UpsampledMaps.tile, maps.heat.size.width) {
              let place = (y - top + reach) * side + x - left + reach
              guard values[place] > threshold, isPeak(values, at: place, side: side, reach: reach) else { continue }
              own.append(Peak(y: y, x: x, score: values[place], tag: tag(k, y, x, in: &maps)))
            }
          }
        }
        own.sort { ($1.score, $0.y, $0.x) < ($0.score, $1.y, $1.x) }
        found.append(Array(own.prefix(most)))
      }
      return found
    }

    private func tag(_ k: Int, _ y: Int, _ x: Int, in maps: inout Maps) -> [Double] {
      var one = [0.0]
      return maps.tags.indices.map { dimension in
        maps.tags[dimension].window(maps.own(k), top: y, left: x, side: 1, into: &one)
        return one[0]
      }
    }
  }

  /// Whether nothing within `reach` cells of a place among values, whose rows have `side` of them, is higher.
  static func isPeak(_ values: [Double], at place: Int, side: Int, reach: Int) -> Bool {
    for row in -reach...reach {
      for column in -reach...reach where values[place + row * side + column] > values[place] { return false }
    }
    return true
  }
}
