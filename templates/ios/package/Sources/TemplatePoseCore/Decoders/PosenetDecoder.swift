// SPDX-License-Identifier: Apache-2.0

import Foundation

/// PoseNet's and BodyPix's heads: heatmaps, offsets to the keypoints, and displacements along the edges of a tree.
///
/// Source: Papandreou et al. 2018, "PersonLab".
public struct PosenetDecoder: PoseDecoder {
  /// What offsets and displacements count.
  enum Unit: String, CaseIterable {
    case inputPx = "input_px"
    case cells
  }

  /// Which axis of pairs comes first.
  enum Axes: String, CaseIterable { case yx, xy }

  /// What turns a heat into a score.
  enum Activation: String, CaseIterable { case none, sigmoid }

  public let outputNames: [String]
  private let roles: [MapRole]
  private let rules: Rules
  private let stride: Int
  private let axes: Axes
  private let activation: Activation

  public init(settings: DecoderSettings) throws(PoseError) {
    stride = try settings.integer("stride")
    guard stride > 0 else { throw settings.wrong("stride", expected: "an integer above 0") }
    axes = try settings.choice("axes")
    activation = try settings.choice("activation")
    rules = try Rules(settings: settings, stride: stride)
    let unit: Unit = try settings.choice("unit")
    let scale = unit == .inputPx ? 1 / Double(stride) : 1
    let (count, edges) = (settings.keypointCount, rules.edgeCount)
    var roles = [
      try MapRole(settings: settings, name: "heatmaps", count: count),
      try MapRole(settings: settings, name: "offsets", count: 2 * count, scale: scale),
    ]
    if rules.grouping != .one {
      roles.append(try MapRole(settings: settings, name: "forward", count: 2 * edges, scale: scale))
      roles.append(try MapRole(settings: settings, name: "backward", count: 2 * edges, scale: scale))
    }
    self.roles = roles
    outputNames = MapRole.outputs(of: roles)
  }

  public func decode(_ outputs: [OutputTensor], into people: inout DecodedPeople) throws(PoseError) {
    let maps = try MapRole.maps(of: roles, in: outputs)
    let fields = Fields(
      heat: maps[0], count: roles[0].count, isLogit: activation == .sigmoid,
      offsets: Pairs(maps: maps[1], count: roles[1].count / 2, axes: axes),
      moves: zip(maps, roles).dropFirst(2).map { Pairs(maps: $0, count: $1.count / 2, axes: axes) })
    for person in rules.people(in: fields) { append(person, to: &people) }
  }

  /// The box is the extent of all keypoints.
  private func append(_ person: Found, to people: inout DecodedPeople) {
    var (left, top) = (Double.infinity, Double.infinity)
    var (right, bottom) = (-Double.infinity, -Double.infinity)
    for (place, score) in zip(person.points, person.scores) {
      let (x, y) = (place.x * Double(stride), place.y * Double(stride))
      (left, top, right, bottom) = (min(left, x), min(top, y), max(right, x), max(bottom, y))
      people.append(PosePoint(x: x, y: y, score: score))
    }
    people.endPerson(confidence: person.confidence, box: Box(left: left, top: top, right: right, bottom: bottom))
  }
}

extension PosenetDecoder {
  /// `one`: the cell with the most heat of each keypoint. `nearest`: places are looked up at their nearest cells, as in
  /// TensorFlow.js. `bilinear`: between the cells, as in Coral's library.
  enum Grouping: String, CaseIterable { case one, nearest, bilinear }

  /// A person: K places in cells, K scores and a confidence.
  struct Found {
    let points: [Point]
    let scores: [Double]
    var confidence: Double
  }

  /// Maps of pairs in cells: one axis of all, then the other.
  struct Pairs {
    private let maps: RoleMaps
    private let firstX: Int
    private let firstY: Int

    init(maps: RoleMaps, count: Int, axes: Axes) {
      self.maps = maps
      (firstX, firstY) = axes == .yx ? (count, 0) : (0, count)
    }

    /// The pair at a cell.
    func at(_ cell: (x: Int, y: Int), _ pair: Int) -> Point {
      Point(x: maps.value(cell.x, cell.y, firstX + pair), y: maps.value(cell.x, cell.y, firstY + pair))
    }

    /// The pair at a place between the cells.
    func between(_ place: Point, _ pair: Int) -> Point {
      Point(x: maps.between(place, firstX + pair), y: maps.between(place, firstY + pair))
    }
  }

  /// What is read of one picture; `moves` are those to the child, then those to the parent.
  struct Fields {
    let heat: RoleMaps
    /// Number of keypoints (K).
    let count: Int
    let isLogit: Bool
    let offsets: Pairs
    let moves: [Pairs]

    /// What a heat stands for.
    func score(_ raw: Double) -> Double { isLogit ? sigmoid(raw) : raw }

    /// The cell nearest to a place; a half goes up.
    func nearest(_ place: Point) -> (x: Int, y: Int) {
      let x = min(max((place.x + 0.5).rounded(.down), 0), Double(heat.width - 1))
      let y = min(max((place.y + 0.5).rounded(.down), 0), Double(heat.height - 1))
      return (Int(x), Int(y))
    }

    /// The nearest place that is not beyond the outermost cells.
    func within(_ place: Point) -> Point {
      Point(
        x: min(max(place.x, 0), Double(heat.width - 1)), y: min(max(place.y, 0), Double(heat.height - 1)))
    }

    /// A cell's keypoint.
    func keypoint(_ cell: (x: Int, y: Int), _ keypoint: Int) -> Point {
      let offset = offsets.at(cell, keypoint)
      return Point(x: Double(cell.x) + offset.x, y: Double(cell.y) + offset.y)
    }
  }
}
