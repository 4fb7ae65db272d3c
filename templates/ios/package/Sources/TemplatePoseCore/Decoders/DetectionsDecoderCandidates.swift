// SPDX-License-Identifier: Apache-2.0

extension DetectionsDecoder {
  /// How an output lies: (C, A), (A, C), or a map (h, w, C) a level.
  enum Axes: String, CaseIterable {
    case channelsFirst = "channels_first"
    case rows
    case maps
  }

  /// Where a candidate's cell is on its level, and how many input px one cell is.
  struct Cell {
    var column = 0.0
    var row = 0.0
    var stride = 0.0
  }

  /// The levels of the candidates, which go level after level, within one row by row; none where numbers need none.
  struct CandidateGrid {
    struct Level {
      let columns: Int
      let rows: Int
      let stride: Int
      var count: Int { columns * rows }
    }

    let levels: [Level]

    init(settings: DecoderSettings) throws(PoseError) {
      let strides = try settings.integers("strides")
      guard strides.allSatisfy({ $0 > 0 }) else { throw settings.wrong("strides", expected: "integers above 0") }
      let size = settings.inputSize
      levels = strides.map { stride in  // what does not fill a cell has one all the same
        Level(columns: (size.width + stride - 1) / stride, rows: (size.height + stride - 1) / stride, stride: stride)
      }
    }

    var isEmpty: Bool { levels.isEmpty }

    /// Number of candidates; 0 where the outputs say it.
    var count: Int { levels.reduce(0) { $0 + $1.count } }

    func cell(of place: Int) -> Cell {
      var within = place
      for level in levels {
        if within < level.count {
          let (row, column) = within.quotientAndRemainder(dividingBy: level.columns)
          return Cell(column: Double(column), row: Double(row), stride: Double(level.stride))
        }
        within -= level.count
      }
      return Cell()
    }
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
      axes: Axes, grid: CandidateGrid, boxes: BoxRole, scores: ScoreRole, keypoints: KeypointRole,
      settings: DecoderSettings
    ) throws(PoseError) {
      var roles: [(setting: String, outputs: [String], end: Int)] = [
        ("boxes.outputs", boxes.outputs, boxes.first + 4),
        ("scores.outputs", scores.outputs, max(scores.first + scores.count, (scores.classChannel ?? 0) + 1)),
        ("keypoints.outputs", keypoints.outputs, keypoints.first + settings.keypointCount * keypoints.fieldCount),
      ]
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

  func needsStrides(_ unit: DetectionsDecoder.Unit, _ name: String) throws(PoseError) {
    if unit == .cells, try integers("strides").isEmpty {
      throw wrong(name, expected: "no cells where there are no strides")
    }
  }
}
