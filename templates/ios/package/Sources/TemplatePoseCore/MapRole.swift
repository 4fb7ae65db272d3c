// SPDX-License-Identifier: Apache-2.0

/// Channels of maps (h, w, C), all times a scale.
struct MapRole: Sendable {
  let output: String
  let first: Int
  let count: Int
  let scale: Double

  /// The role that the settings `name.output` and `name.first` tell of.
  init(settings: DecoderSettings, name: String, count: Int, scale: Double = 1) throws(PoseError) {
    output = try settings.text("\(name).output")
    first = try settings.integer("\(name).first")
    guard first >= 0 else { throw settings.wrong("\(name).first", expected: "an integer of at least 0") }
    self.count = count
    self.scale = scale
  }

  /// The names of the outputs that roles read, each once.
  static func outputs(of roles: [MapRole]) -> [String] {
    var names: [String] = []
    for role in roles where !names.contains(role.output) { names.append(role.output) }
    return names
  }

  /// The maps of each role, all of one size, each output with as many channels as its last role needs.
  static func maps(of roles: [MapRole], in outputs: [OutputTensor]) throws(PoseError) -> [RoleMaps] {
    let names = Self.outputs(of: roles)
    var found: [RoleMaps] = []
    for role in roles {
      let index = names.firstIndex(of: role.output) ?? 0
      let tensor = try outputs.tensor(index, named: role.output, axes: 3)
      let channels = roles.filter { $0.output == role.output }.map { $0.first + $0.count }.max() ?? 0
      let (height, width) = found.first.map { ($0.height, $0.width) } ?? (tensor.shape[0], tensor.shape[1])
      guard tensor.shape == [height, width, channels] else {
        throw .wrongShape(tensor: role.output, expected: [height, width, channels], found: tensor.shape)
      }
      found.append(RoleMaps(tensor: tensor, role: role))
    }
    return found
  }
}

/// The maps of one role for one picture.
struct RoleMaps {
  let height: Int
  let width: Int
  private let channels: Int
  private let first: Int
  private let scale: Double
  private let values: [Float]

  init(tensor: OutputTensor, role: MapRole) {
    (height, width, channels) = (tensor.shape[0], tensor.shape[1], tensor.shape[2])
    (first, scale, values) = (role.first, role.scale, tensor.values)
  }

  /// The value of a channel, counted from the role's first one, at a cell.
  @inline(__always)
  func value(_ x: Int, _ y: Int, _ channel: Int) -> Double {
    Double(values[(y * width + x) * channels + first + channel]) * scale
  }

  /// The same at a place between four cells, none of them beyond the outermost.
  func between(_ place: Point, _ channel: Int) -> Double {
    let (column, row) = (Int(place.x), Int(place.y))
    let (right, below) = (min(column + 1, width - 1), min(row + 1, height - 1))
    let (across, down) = (place.x - Double(column), place.y - Double(row))
    let above = value(column, row, channel) * (1 - across) + value(right, row, channel) * across
    let under = value(column, below, channel) * (1 - across) + value(right, below, channel) * across
    return above * (1 - down) + under * down
  }
}
