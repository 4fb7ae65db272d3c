// SPDX-License-Identifier: Apache-2.0

import Foundation

/// MoveNet's heads before its own decoder: a person's centre, where that says the keypoints are, and heat nearby.
///
/// The cell with the most weighted centre is the person; the regression there gives a coarse place for each keypoint;
/// the cell with the most heat over its distance to that place is the keypoint, and the offset there goes into the cell.
/// Of equal cells the first in row order wins.
public struct MovenetDecoder: PoseDecoder {
  /// Which axis of a pair comes first.
  enum Axes: String, CaseIterable { case yx, xy }

  /// What turns heat and centres into scores.
  enum Activation: String, CaseIterable { case none, sigmoid }

  /// Whether a centre counts by its distance to the middle of the map.
  enum CenterWeight: String, CaseIterable { case distance, none }

  /// Of a regression, before it is added to its cell.
  enum Rounding: String, CaseIterable {
    case none
    case halfUp = "half_up"
    case trunc
  }

  public let outputNames: [String]
  private let roles: [MapRole]
  private let firstX: Int
  private let activation: Activation
  private let centerWeight: CenterWeight
  private let centerBias: Double
  private let keypointBias: Double
  private let rounding: Rounding
  private let minScore: Double
  private let stride: Double
  private let keypointCount: Int

  public init(settings: DecoderSettings) throws(PoseError) {
    keypointCount = settings.keypointCount
    roles = [
      try MapRole(settings: settings, name: "heatmaps", count: keypointCount),
      try MapRole(settings: settings, name: "centers", count: 1),
      try MapRole(settings: settings, name: "regressions", count: 2 * keypointCount),
      try MapRole(settings: settings, name: "offsets", count: 2 * keypointCount),
    ]
    outputNames = MapRole.outputs(of: roles)
    let axes: Axes = try settings.choice("axes")
    firstX = axes == .xy ? 0 : 1
    activation = try settings.choice("activation")
    centerWeight = try settings.choice("center_weight")
    centerBias = try settings.number("center_bias")
    keypointBias = try settings.number("keypoint_bias")
    rounding = try settings.choice("rounding")
    minScore = try settings.number("min_score")
    stride = Double(try settings.integer("stride"))
  }

  public func decode(_ outputs: [OutputTensor], into people: inout DecodedPeople) throws(PoseError) {
    let maps = try MapRole.maps(of: roles, in: outputs)
    let (heatmaps, centers, regressions, offsets) = (maps[0], maps[1], maps[2], maps[3])
    let center = most(of: centers) { x, y in weighted(centers, x, y) }
    var points: [PosePoint?] = []
    for keypoint in 0..<keypointCount {
      let step = pair(regressions, center.x, center.y, keypoint)
      let coarse = Point(x: rounded(step.x) + Double(center.x), y: rounded(step.y) + Double(center.y))
      let cell = most(of: heatmaps) { x, y in
        heat(heatmaps, x, y, keypoint) / (distance(Double(x) - coarse.x, Double(y) - coarse.y) + keypointBias)
      }
      let score = heat(heatmaps, cell.x, cell.y, keypoint)
      let offset = pair(offsets, cell.x, cell.y, keypoint)
      let point = PosePoint(
        x: (Double(cell.x) + offset.x) * stride, y: (Double(cell.y) + offset.y) * stride, score: score)
      points.append(score >= minScore ? point : nil)
    }
    append(points, center: Point(x: Double(center.x) * stride, y: Double(center.y) * stride), to: &people)
  }

  /// Keypoints that were not found lie in the middle of the others, or at the centre.
  private func append(_ points: [PosePoint?], center: Point, to people: inout DecodedPeople) {
    let found = points.compactMap { $0 }
    let count = Double(found.count)
    let middle =
      found.isEmpty
      ? center
      : Point(x: found.reduce(0) { $0 + $1.x } / count, y: found.reduce(0) { $0 + $1.y } / count)
    for point in points { people.append(point ?? PosePoint(x: middle.x, y: middle.y, score: 0)) }
    people.endPerson()
  }

  private func score(_ raw: Double) -> Double { activation == .sigmoid ? sigmoid(raw) : raw }

  private func weighted(_ centers: RoleMaps, _ x: Int, _ y: Int) -> Double {
    let value = score(centers.value(x, y, 0))
    guard centerWeight == .distance else { return value }
    let away = distance(Double(x) - Double(centers.width) / 2, Double(y) - Double(centers.height) / 2)
    return value / (away + centerBias)
  }

  private func heat(_ heatmaps: RoleMaps, _ x: Int, _ y: Int, _ keypoint: Int) -> Double {
    let value = score(heatmaps.value(x, y, keypoint))
    return value < minScore ? 0 : value
  }

  private func pair(_ maps: RoleMaps, _ x: Int, _ y: Int, _ keypoint: Int) -> Point {
    Point(x: maps.value(x, y, 2 * keypoint + firstX), y: maps.value(x, y, 2 * keypoint + 1 - firstX))
  }

  /// The first cell in row order that `value` is largest of.
  private func most(of maps: RoleMaps, _ value: (Int, Int) -> Double) -> (x: Int, y: Int) {
    var best = (x: 0, y: 0)
    var most = value(0, 0)
    for y in 0..<maps.height {
      for x in 0..<maps.width {
        let weighted = value(x, y)
        if weighted > most {
          (best, most) = ((x, y), weighted)
        }
      }
    }
    return best
  }

  private func rounded(_ value: Double) -> Double {
    switch rounding {
    case .none: value
    case .halfUp: (value + 0.5).rounded(.down)
    case .trunc: (value + 0.5).rounded(.towardZero)
    }
  }

  private func distance(_ x: Double, _ y: Double) -> Double { (x * x + y * y).squareRoot() }
}
