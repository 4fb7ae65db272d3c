// SPDX-License-Identifier: Apache-2.0

/// Heatmaps with tags to people: associative embedding, as in HigherHRNet, LitePose, EfficientHRNet and MMPose.
///
/// Peaks of the heatmaps become people by their tags; keypoints that a person lacks are looked for.
/// Sources: Newell et al. 2017, "Associative Embedding"; Cheng et al. 2020, "HigherHRNet".
public struct TagsDecoder: PoseDecoder {
  /// To what size maps are brought: that of the largest, or half or all of the input's.
  enum Upsampling: String, CaseIterable { case none, half, input }

  /// A quarter of a cell towards the higher neighbour; `quarter` none at the border or between equal ones.
  enum Adjustment: String, CaseIterable {
    case none, quarter
    case quarterClamped = "quarter_clamped"
  }

  private let heatmaps: Channels
  private let tags: Channels
  private let isShared: Bool
  private let upsampling: Upsampling
  private let peaks: PeakRule
  private let groups: GroupRule
  private var filling: Filling
  private let adjustment: Adjustment
  private let shift: Double
  private let minConfidence: Double
  private let inputSize: PixelSize
  private let keypointCount: Int
  private var about = [Double](repeating: 0, count: 9)

  public init(settings: DecoderSettings) throws(PoseError) {
    keypointCount = settings.keypointCount
    inputSize = settings.inputSize
    heatmaps = try Channels(settings: settings, role: "heatmaps")
    tags = try Channels(settings: settings, role: "tags")
    isShared = try settings.flag("tags.shared")
    upsampling = try settings.choice("upsampling")
    peaks = try PeakRule(settings: settings)
    groups = try GroupRule(settings: settings)
    filling = try Filling(settings: settings)
    adjustment = try settings.choice("adjustment")
    shift = try settings.number("shift")
    minConfidence = try settings.number("min_confidence")
  }

  public var outputNames: [String] {
    var names: [String] = []
    for name in heatmaps.outputs + tags.outputs where !names.contains(name) { names.append(name) }
    return names
  }

  public mutating func decode(
    _ outputs: [OutputTensor], into people: inout DecodedPeople
  ) throws(PoseError) {
    var maps = try maps(outputs)
    let found = groups.group(peaks.find(in: &maps))
    let confident = found.enumerated()
      .map { (place: $0.offset, person: $0.element, confidence: $0.element.confidence) }
      .filter { $0.confidence > minConfidence }
      .sorted { ($1.confidence, $0.place) < ($0.confidence, $1.place) }  // of equal ones who was started first
    for one in confident {
      people.appendPartial(points(of: one.person, in: &maps), confidence: one.confidence)
    }
  }

  private func maps(_ outputs: [OutputTensor]) throws(PoseError) -> Maps {
    var tensors: [String: OutputTensor] = [:]
    var (middle, depth) = (PixelSize(width: 0, height: 0), isShared ? 1 : keypointCount)
    for (index, name) in outputNames.enumerated() {
      let tensor = try outputs.tensor(index, named: name, axes: 3)
      let channels = max(heatmaps.end(of: name, each: keypointCount), tags.end(of: name, each: depth))
      guard tensor.shape[2] == channels else {
        throw .wrongShape(tensor: name, expected: [-1, -1, channels], found: tensor.shape)
      }
      middle = PixelSize(width: max(middle.width, tensor.shape[1]), height: max(middle.height, tensor.shape[0]))
      tensors[name] = tensor
    }
    let divisor = upsampling == .input ? 1 : 2
    let size =
      upsampling == .none
      ? middle
      : PixelSize(
        width: max(middle.width, inputSize.width / divisor), height: max(middle.height, inputSize.height / divisor))
    let heat = UpsampledMaps(heatmaps.maps(tensors), count: keypointCount, middle: middle, size: size)
    let own = tags.maps(tensors).map { UpsampledMaps([$0], count: depth, middle: middle, size: size) }
    return Maps(heat: heat, tags: own, isShared: isShared)
  }

  private mutating func points(of person: Person, in maps: inout Maps) -> [PosePoint?] {
    let mean = person.meanTag
    let size = maps.heat.size
    let scaleX = Double(inputSize.width) / Double(size.width)
    let scaleY = Double(inputSize.height) / Double(size.height)
    var points: [PosePoint?] = []
    for k in 0..<keypointCount {
      guard let cell = person.peaks[k] ?? filling.find(k, near: mean, reach: peaks.reach, in: &maps) else {
        points.append(nil)
        continue
      }
      let step = adjusted(cell, of: k, in: &maps.heat)
      points.append(
        PosePoint(
          x: (Double(cell.x) + shift + step.x) * scaleX, y: (Double(cell.y) + shift + step.y) * scaleY,
          score: cell.score))
    }
    return points
  }

  /// What is added to a cell for its neighbours' sake; at the border it is its own neighbour.
  private mutating func adjusted(_ cell: Peak, of k: Int, in heat: inout UpsampledMaps) -> Point {
    guard adjustment != .none else { return Point(x: 0, y: 0) }
    heat.window(k, top: cell.y - 1, left: cell.x - 1, side: 3, into: &about)
    let (afterX, afterY) = (about[5] - about[3], about[7] - about[1])
    if adjustment == .quarterClamped {
      return Point(x: afterX > 0 ? 0.25 : -0.25, y: afterY > 0 ? 0.25 : -0.25)
    }
    let (x, y, size) = (cell.x, cell.y, heat.size)
    return Point(
      x: x > 1 && x < size.width - 1 && y > 0 ? quarter(afterX) : 0,
      y: y > 1 && y < size.height - 1 && x > 0 ? quarter(afterY) : 0)
  }

  private func quarter(_ difference: Double) -> Double {
    difference > 0 ? 0.25 : difference < 0 ? -0.25 : 0
  }
}

extension TagsDecoder {
  /// Channels of maps: of each of `outputs` from `first` on.
  struct Channels {
    let outputs: [String]
    private let first: [Int]

    init(settings: DecoderSettings, role: String) throws(PoseError) {
      outputs = try settings.texts("\(role).outputs")
      let numbers = try settings.integers("\(role).first")
      guard numbers.count == 1 || numbers.count == outputs.count, numbers.allSatisfy({ $0 >= 0 }) else {
        throw settings.wrong("\(role).first", expected: "one number or one an output")
      }
      first = numbers.count == 1 ? Array(repeating: numbers[0], count: outputs.count) : numbers
    }

    /// The channel after the last one of `output` where each has `count`, 0 where it is another's.
    func end(of output: String, each count: Int) -> Int {
      zip(outputs, first).reduce(0) { max($0, $1.0 == output ? $1.1 + count : 0) }
    }

    func maps(_ tensors: [String: OutputTensor]) -> [UpsampledMaps.Map] {
      zip(outputs, first).compactMap { name, first in
        tensors[name].map { UpsampledMaps.Map(tensor: $0, first: first) }
      }
    }
  }

  /// Heatmaps of K keypoints; for each dimension their tags, one channel for all of them where they are shared.
  struct Maps {
    var heat: UpsampledMaps
    var tags: [UpsampledMaps]
    let isShared: Bool

    /// The channel of a keypoint's tags.
    func own(_ keypoint: Int) -> Int { isShared ? 0 : keypoint }
  }
}
