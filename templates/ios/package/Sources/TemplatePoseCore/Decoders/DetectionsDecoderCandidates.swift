// SPDX-License-Identifier: Apache-2.0

extension DetectionsDecoder {
  /// How an output lies: (C, A), (A, C), or a map (h, w, C) a level.
  enum Axes: String, CaseIterable {
    case channelsFirst = "channels_first"
    case rows
    case maps
  }

  /// Where the numbers of one role lie, output after output.
  struct RoleNumbers {
    struct Part {
      let output: Int
      let places: Range<Int>
      let channelStep: Int
      let candidateStep: Int
    }

    private(set) var parts: [Part] = []
    private let outputs: [Int]

    /// - Parameter outputs: places among the decoder's outputs.
    init(outputs: [Int]) {
      self.outputs = outputs
    }

    mutating func layOut(_ tensors: [OutputTensor], axes: Axes) {
      parts.removeAll(keepingCapacity: true)
      var start = 0
      for output in outputs {
        let tensor = tensors[output]
        let isFirst = axes == .channelsFirst
        let channels = tensor.shape[isFirst ? 0 : tensor.shape.count - 1]
        let count = tensor.values.count / channels
        parts.append(
          Part(
            output: output, places: start..<start + count, channelStep: isFirst ? count : 1,
            candidateStep: isFirst ? 1 : channels))
        start += count
      }
    }

    @inline(__always)
    func value(_ channel: Int, of place: Int, in tensors: [OutputTensor]) -> Float {
      let (output, index) = location(channel, of: place)
      return tensors[output].values[index]
    }

    /// The output and the index in it of one number.
    @inline(__always)
    func location(_ channel: Int, of place: Int) -> (output: Int, index: Int) {
      var at = 0
      while place >= parts[at].places.upperBound { at += 1 }
      let part = parts[at]
      return (part.output, channel * part.channelStep + (place - part.places.lowerBound) * part.candidateStep)
    }
  }

  /// The outputs that the roles name, each once, and the shapes that they must have; -1 for any number of candidates.
  struct OutputLayout {
    private(set) var names: [String] = []
    private(set) var shapes: [[Int]] = []

    init(
      axes: Axes, grid: CandidateGrid, boxes: BoxRole, scores: ScoreRole, keypoints: KeypointRole?,
      settings: DecoderSettings
    ) throws(PoseError) {
      var roles: [(setting: String, outputs: [String], end: Int)] = [
        ("boxes.outputs", boxes.outputs, boxes.first + 4 * boxes.bins),
        ("scores.outputs", scores.outputs, max(scores.first + scores.count, (scores.classChannel ?? 0) + 1)),
      ]
      if let keypoints {
        let end = keypoints.first + settings.keypointCount * keypoints.fieldCount
        roles.append(("keypoints.outputs", keypoints.outputs, end))
      }
      if axes == .maps, grid.levels.contains(where: { $0.each > 1 }) {
        throw settings.wrong("anchors.counts", expected: "1 of maps")
      }
      if let objectness = scores.objectness {
        roles.append(("scores.objectness.outputs", objectness.outputs, objectness.channel + 1))
      }
      for role in roles {
        let isOneEach = role.outputs.count == grid.levels.count && !grid.isEmpty
        guard isOneEach || (role.outputs.count == 1 && axes != .maps) else {
          throw settings.wrong(role.setting, expected: axes == .maps ? "one a level" : "one output or one a level")
        }
        for (level, name) in role.outputs.enumerated() {
          let channels = roles.filter { $0.outputs.contains(name) }.map(\.end).max() ?? role.end
          let shape = Self.shape(axes, role.outputs.count == 1 ? grid.levels : [grid.levels[level]], channels)
          if !names.contains(name) {
            names.append(name)
            shapes.append(shape)
          }
        }
      }
    }

    func numbers(of outputs: [String]) -> RoleNumbers {
      RoleNumbers(outputs: outputs.compactMap { names.firstIndex(of: $0) })
    }

    private static func shape(_ axes: Axes, _ levels: [CandidateGrid.Level], _ channels: Int) -> [Int] {
      let count = levels.isEmpty ? -1 : levels.reduce(0) { $0 + $1.count }
      switch axes {
      case .channelsFirst: return [channels, count]
      case .rows: return [count, channels]
      case .maps: return levels.flatMap { [$0.rows, $0.columns] } + [channels]
      }
    }
  }
}

extension DecoderSettings {
  func integer(_ name: String, atLeast least: Int) throws(PoseError) -> Int {
    let found = try integer(name)
    guard found >= least else { throw wrong(name, expected: "an integer of at least \(least)") }
    return found
  }

  func numberAbove0(_ name: String) throws(PoseError) -> Double {
    let found = try number(name)
    guard found > 0 else { throw wrong(name, expected: "a number above 0") }
    return found
  }

  func needsStrides(_ unit: DetectionsDecoder.Unit, _ name: String) throws(PoseError) {
    if unit.isOnLevels, try integers("strides").isEmpty {
      throw wrong(name, expected: "no cells where there are no strides")
    }
  }
}
