// SPDX-License-Identifier: Apache-2.0

/// Heatmaps with location maps beside them: where a heatmap is highest, three maps say where the keypoint is in space.
///
/// Sources: Mehta et al. 2017, "VNect"; Hwang et al. 2020, "MoVNect".
public struct LocationMapsDecoder: PoseDecoder {
  /// Index i of n lies at input px i * W / n, i * (W - 1) / (n - 1) or (i + 0.5) * W / n.
  enum MapAlignment: String, CaseIterable {
    case stride, corners
    case halfPixel = "half_pixel"
  }

  /// What turns a raw maximum into a score.
  enum Activation: String, CaseIterable { case none, sigmoid }

  /// An enlarged cell and its value.
  private struct Peak {
    var x = 0
    var y = 0
    var value = -Double.infinity
  }

  /// A blend of equal numbers may end a last digit above them.
  private static let slack = 1e-9

  private let roles: [MapRole]
  private let upsampling: Int
  private let alignment: MapAlignment
  private let factor: Double
  private let activation: Activation
  private let inputSize: PixelSize
  private let keypointCount: Int

  public init(settings: DecoderSettings) throws(PoseError) {
    var roles: [MapRole] = []
    for name in ["heat", "x", "y", "z"] {
      roles.append(try MapRole(settings: settings, name: name, count: settings.keypointCount))
    }
    self.roles = roles
    upsampling = try settings.integer("upsampling")
    guard upsampling >= 1 else { throw settings.wrong("upsampling", expected: "an integer of at least 1") }
    alignment = try settings.choice("alignment")
    factor = try settings.number("factor")
    activation = try settings.choice("activation")
    inputSize = settings.inputSize
    keypointCount = settings.keypointCount
  }

  public var outputNames: [String] { MapRole.outputs(of: roles) }

  public func decode(_ outputs: [OutputTensor], into people: inout DecodedPeople) throws(PoseError) {
    let maps = try MapRole.maps(of: roles, in: outputs)
    let (width, height) = (maps[0].width * upsampling, maps[0].height * upsampling)
    var world: [WorldPoint] = []
    world.reserveCapacity(keypointCount)
    for k in 0..<keypointCount {
      let peak = highestCell(of: maps[0], k)
      people.append(
        PosePoint(
          x: toInputPx(peak.x, width, inputSize.width), y: toInputPx(peak.y, height, inputSize.height),
          score: activation == .sigmoid ? sigmoid(peak.value) : peak.value))
      let places = maps[1...].map { enlarged($0, peak.x, peak.y, k) * factor }
      world.append(WorldPoint(x: places[0], y: places[1], z: places[2]))
    }
    people.endPerson(world: world)
  }

  /// An enlarged cell lies among four and is at most as high as the highest of these, so that only those are worked out
  /// which have one at least as high as what lies in the highest cell.
  private func highestCell(of heat: RoleMaps, _ k: Int) -> Peak {
    var cell = Peak()
    for y in 0..<heat.height {
      for x in 0..<heat.width {
        let value = heat.value(x, y, k)
        if value > cell.value { cell = Peak(x: x, y: y, value: value) }
      }
    }
    guard upsampling > 1 else { return cell }
    var best = Peak(x: cell.x, y: cell.y)
    look(heat, cell.x * upsampling, cell.y * upsampling, k, &best)
    let least = best.value - Self.slack * abs(best.value)
    let start = upsampling / 2 - upsampling  // of what lies before the first cell
    for y in 0...heat.height {
      for x in 0...heat.width where highest(heat, x, y, k) >= least {
        look(heat, x * upsampling + start, y * upsampling + start, k, &best)
      }
    }
    return best
  }

  /// The highest of the four cells of which (x, y) is the lower right, those beyond the border repeated.
  private func highest(_ heat: RoleMaps, _ x: Int, _ y: Int, _ k: Int) -> Double {
    let (left, above) = (max(x - 1, 0), max(y - 1, 0))
    let (right, below) = (min(x, heat.width - 1), min(y, heat.height - 1))
    return max(
      max(heat.value(left, above, k), heat.value(right, above, k)),
      max(heat.value(left, below, k), heat.value(right, below, k)))
  }

  /// Takes the highest of the enlarged cells from (left, top) on, of equal ones the first in row order.
  private func look(_ heat: RoleMaps, _ left: Int, _ top: Int, _ k: Int, _ best: inout Peak) {
    for y in max(top, 0)..<min(top + upsampling, heat.height * upsampling) {
      for x in max(left, 0)..<min(left + upsampling, heat.width * upsampling) {
        let value = enlarged(heat, x, y, k)
        let isFirst = y < best.y || (y == best.y && x < best.x)
        if value > best.value || (value == best.value && isFirst) { best = Peak(x: x, y: y, value: value) }
      }
    }
  }

  private func enlarged(_ maps: RoleMaps, _ x: Int, _ y: Int, _ k: Int) -> Double {
    if upsampling == 1 { return maps.value(x, y, k) }
    return maps.between(Point(x: place(x, maps.width), y: place(y, maps.height)), k)
  }

  /// Where the middle of an enlarged cell lies among the cells.
  private func place(_ at: Int, _ cells: Int) -> Double {
    min(max((Double(at) + 0.5) / Double(upsampling) - 0.5, 0), Double(cells - 1))
  }

  private func toInputPx(_ at: Int, _ cells: Int, _ inputLength: Int) -> Double {
    switch alignment {
    case .stride: Double(at) * (Double(inputLength) / Double(cells))
    case .corners: Double(at) * (Double(inputLength - 1) / Double(max(cells - 1, 1)))
    case .halfPixel: (Double(at) + 0.5) * (Double(inputLength) / Double(cells))
    }
  }
}
