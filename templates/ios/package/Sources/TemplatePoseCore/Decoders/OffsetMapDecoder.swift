// SPDX-License-Identifier: Apache-2.0

/// Heatmaps with offset maps beside them: the best cell of each map, moved by the two numbers that lie there.
///
/// How the channels lie is data. Sources: Papandreou et al. 2017; Huang et al. 2020, "UDP"; Insafutdinov et al. 2016.
public struct OffsetMapDecoder: PoseDecoder {
  /// An offset counts in cells of the map, or in px of the input.
  enum OffsetUnit: String, CaseIterable {
    case cells
    case inputPx = "input_px"
  }

  /// Index i of a map of n lies at input px (i + shift) * W / n, or the same over W - 1 and n - 1.
  enum MapAlignment: String, CaseIterable { case stride, corners }

  /// What turns a raw maximum into a score.
  enum Activation: String, CaseIterable { case none, sigmoid }

  /// In `output` the channel of the first keypoint is `first`, that of the next lies `step` on.
  private struct Channels {
    let output: String
    let first: Int
    let step: Int

    init(_ settings: DecoderSettings, _ role: String) throws(PoseError) {
      output = try settings.text("\(role).output")
      first = try settings.integer("\(role).first")
      step = try settings.integer("\(role).step")
    }

    func of(_ keypoint: Int) -> Int { first + step * keypoint }
  }

  public let outputNames: [String]
  private let heat: Channels
  private let x: Channels
  private let y: Channels
  private let unit: OffsetUnit
  private let factor: Double
  private let alignment: MapAlignment
  private let shift: Double
  private let activation: Activation
  private let inputSize: PixelSize
  private let keypointCount: Int
  private var map: [Double] = []
  private var heatBlur: GaussianBlur?
  private var offsetBlur: GaussianBlur?

  public init(settings: DecoderSettings) throws(PoseError) {
    heat = try Channels(settings, "heat")
    x = try Channels(settings, "x")
    y = try Channels(settings, "y")
    unit = try settings.choice("unit")
    factor = try settings.number("factor")
    alignment = try settings.choice("alignment")
    shift = try settings.number("shift")
    activation = try settings.choice("activation")
    inputSize = settings.inputSize
    keypointCount = settings.keypointCount
    heatBlur = try Self.blur(settings, "blur_kernel")
    offsetBlur = try Self.blur(settings, "offset_blur_kernel")
    var names: [String] = []
    for name in [heat.output, x.output, y.output] where !names.contains(name) { names.append(name) }
    outputNames = names
  }

  public mutating func decode(_ outputs: [OutputTensor], into people: inout DecodedPeople) throws(PoseError) {
    let heatmaps = try tensor(heat.output, of: outputs)
    let mapSize = PixelSize(width: heatmaps.shape[1], height: heatmaps.shape[0])
    let (offsetsX, offsetsY) = (try tensor(x.output, of: outputs), try tensor(y.output, of: outputs))
    for offsets in [offsetsX, offsetsY] where offsets.shape[..<2] != heatmaps.shape[..<2] {
      throw .wrongShape(tensor: offsets.name, expected: heatmaps.shape, found: offsets.shape)
    }
    let scaleX = inputPxPerIndex(inputSize.width, mapSize.width)
    let scaleY = inputPxPerIndex(inputSize.height, mapSize.height)
    for k in 0..<keypointCount {
      read(heatmaps, channel: heat.of(k), size: mapSize)
      heatBlur?.exchange(&map, mapSize)
      let peak = heatBlur?.best() ?? bestOfMap()
      let (row, column) = peak.quotientAndRemainder(dividingBy: mapSize.width)
      let raw = heatBlur?.at(peak) ?? map[peak]
      let offsetX = offset(offsetsX, channel: x.of(k), at: peak, size: mapSize) * factor
      let offsetY = offset(offsetsY, channel: y.of(k), at: peak, size: mapSize) * factor
      people.append(
        PosePoint(
          x: (Double(column) + shift) * scaleX + offsetX * (unit == .cells ? scaleX : 1),
          y: (Double(row) + shift) * scaleY + offsetY * (unit == .cells ? scaleY : 1),
          score: activation == .sigmoid ? sigmoid(raw) : raw))
    }
    people.endPerson()
  }

  /// An output with as many channels as its roles take.
  private func tensor(_ name: String, of outputs: [OutputTensor]) throws(PoseError) -> OutputTensor {
    let found = try outputs.tensor(outputNames.firstIndex(of: name) ?? 0, named: name, axes: 3)
    let last = [heat, x, y].filter { $0.output == name }.map { $0.of(keypointCount - 1) }.max() ?? 0
    guard found.shape[2] == last + 1 else {
      throw .wrongShape(tensor: name, expected: [-1, -1, last + 1], found: found.shape)
    }
    return found
  }

  /// Input px between two neighbouring map px.
  private func inputPxPerIndex(_ inputLength: Int, _ mapLength: Int) -> Double {
    let shrink = alignment == .corners ? 1 : 0
    return Double(inputLength - shrink) / Double(max(mapLength - shrink, 1))
  }

  private static func blur(_ settings: DecoderSettings, _ name: String) throws(PoseError) -> GaussianBlur? {
    let size = try settings.integer(name)
    guard size > 0, size % 2 == 1 else { throw settings.wrong(name, expected: "an odd number above 0") }
    return size > 1 ? GaussianBlur(size: size, edge: .mirror) : nil
  }

  /// An offset at a cell of its map, which is blurred first where the contract says so.
  private mutating func offset(_ offsets: OutputTensor, channel: Int, at peak: Int, size: PixelSize) -> Double {
    guard offsetBlur != nil else { return Double(offsets.values[peak * offsets.shape[2] + channel]) }
    read(offsets, channel: channel, size: size)
    offsetBlur?.exchange(&map, size)
    return offsetBlur?.at(peak) ?? map[peak]
  }

  /// The first of the largest.
  private func bestOfMap() -> Int {
    var best = 0
    for place in map.indices where map[place] > map[best] { best = place }
    return best
  }

  /// Fills `map` with a channel.
  private mutating func read(_ tensor: OutputTensor, channel: Int, size: PixelSize) {
    let channels = tensor.shape[2]
    if map.count != size.width * size.height { map = Array(repeating: 0, count: size.width * size.height) }
    for place in map.indices { map[place] = Double(tensor.values[place * channels + channel]) }
  }
}
