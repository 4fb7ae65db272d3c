// SPDX-License-Identifier: Apache-2.0

extension TagsDecoder {
  /// Keypoints that a person lacks: the cell with the greatest heat - weight * whole distance of tags, if its heat is
  /// above 0.
  ///
  /// The whole grid counts, but only tiles that can hold something better are looked into.
  struct Filling {
    /// `peaks`: the heat of cells that are no peaks counts as 0.
    enum Among: String, CaseIterable { case none, cells, peaks }

    private let among: Among
    private let weight: Double
    private var heat: [Double] = []
    private var tag = [Double](repeating: 0, count: UpsampledMaps.tile * UpsampledMaps.tile)
    private var squared = [Double](repeating: 0, count: UpsampledMaps.tile * UpsampledMaps.tile)
    private var best: (value: Double, cell: Peak)?

    init(settings: DecoderSettings) throws(PoseError) {
      among = try settings.choice("filling.among")
      weight = try settings.number("filling.weight")
    }

    /// The cell for a keypoint of a person whose mean tag is `mean`; of equal ones the first in row order.
    mutating func find(_ keypoint: Int, near mean: [Double], reach: Int, in maps: inout Maps) -> Peak? {
      guard among != .none else { return nil }
      var upper = bounds(keypoint, mean, &maps)
      best = nil
      while true {
        var tile = 0
        for other in upper.indices where upper[other] > upper[tile] { tile = other }
        if upper[tile] == -.infinity || upper[tile] < best?.value ?? -.infinity { break }
        upper[tile] = -.infinity
        look(keypoint, mean, tile, reach: among == .peaks ? reach : 0, &maps)
      }
      return best.flatMap { $0.cell.score > 0 ? $0.cell : nil }
    }

    /// What the value of a cell of each tile can be at most.
    private func bounds(_ keypoint: Int, _ mean: [Double], _ maps: inout Maps) -> [Double] {
      var found: [Double] = []
      for tile in 0..<maps.heat.tileCount {
        var squared = 0.0
        for d in maps.tags.indices {
          let at = tile * maps.tags[d].count + maps.own(keypoint)
          let away = max(maps.tags[d].least[at] - mean[d], mean[d] - maps.tags[d].most[at], 0)
          squared += away * away
        }
        let most = maps.heat.most[tile * maps.heat.count + keypoint]
        // a square root that rounding made larger than it can be would hide the best cell
        let away = max(squared.squareRoot() - 1e-9, 0).rounded(.toNearestOrEven)
        found.append((among == .peaks ? max(most, 0) : most) - weight * away)
      }
      return found
    }

    private mutating func look(_ keypoint: Int, _ mean: [Double], _ tile: Int, reach: Int, _ maps: inout Maps) {
      let (top, left) = maps.heat.corner(of: tile)
      let side = UpsampledMaps.tile + 2 * reach
      if heat.count != side * side { heat = Array(repeating: 0, count: side * side) }
      maps.heat.window(keypoint, top: top - reach, left: left - reach, side: side, into: &heat)
      for at in squared.indices { squared[at] = 0 }
      for d in maps.tags.indices {
        maps.tags[d].window(maps.own(keypoint), top: top, left: left, side: UpsampledMaps.tile, into: &tag)
        for at in squared.indices { squared[at] += (tag[at] - mean[d]) * (tag[at] - mean[d]) }
      }
      for y in top..<min(top + UpsampledMaps.tile, maps.heat.size.height) {
        for x in left..<min(left + UpsampledMaps.tile, maps.heat.size.width) {
          let place = (y - top + reach) * side + x - left + reach
          let isHeat = reach == 0 || TagsDecoder.isPeak(heat, at: place, side: side, reach: reach)
          let score = isHeat ? heat[place] : 0
          let away = squared[(y - top) * UpsampledMaps.tile + x - left].squareRoot().rounded(.toNearestOrEven)
          consider(Peak(y: y, x: x, score: score, tag: []), score - weight * away)
        }
      }
    }

    private mutating func consider(_ cell: Peak, _ value: Double) {
      if let best, value < best.value || (value == best.value && (best.cell.y, best.cell.x) < (cell.y, cell.x)) {
        return
      }
      best = (value, cell)
    }
  }
}
