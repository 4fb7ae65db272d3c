// SPDX-License-Identifier: Apache-2.0

/// Part affinity fields: maps of keypoints, and fields of limbs by which keypoints are grouped to people.
///
/// A peak of a larger map is a keypoint of somebody, two are joined where the field between them runs from one to the
/// other, and people grow limb by limb.
/// Sources: Cao et al. 2017, "Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields"; Osokin 2018,
/// "Real-time 2D Multi-Person Pose Estimation on CPU: Lightweight OpenPose".
public struct PafDecoder: PoseDecoder {
  /// Where index i of a larger map of n lies: at i * W / n, at (i + 0.5) * W / n, or where its cell's stride puts it.
  enum MapAlignment: String, CaseIterable {
    case stride
    case halfPixel = "half_pixel"
    case cells
  }

  /// Where a map of no keypoint lies, beside those of keypoints.
  enum Background: String, CaseIterable { case none, first, last }

  /// Channels of an output, from `first` to before `end`.
  struct Channels {
    let output: String
    let first: Int
    let end: Int
  }

  public let outputNames: [String]
  private let maps: Channels
  private let fields: Channels
  private let alignment: MapAlignment
  private let inputSize: PixelSize
  private let keypointCount: Int
  private let grouping: Grouping
  private let limbFinder: LimbFinder
  private var upsampling: Upsampling
  private var peakFinder: PeakFinder

  public init(settings: DecoderSettings) throws(PoseError) {
    keypointCount = settings.keypointCount
    inputSize = settings.inputSize
    alignment = try settings.choice("alignment")
    let background: Background = try settings.choice("heatmaps.background")
    let first = try settings.integer("heatmaps.first", from: 0)
    maps = Channels(
      output: try settings.text("heatmaps.output"), first: first + (background == .first ? 1 : 0),
      end: first + keypointCount + (background == .none ? 0 : 1))
    let pairs = try settings.integers("fields.pairs")
    let count = keypointCount
    guard pairs.count % 2 == 0, pairs.allSatisfy({ (0..<count).contains($0) }) else {
      throw settings.wrong("fields.pairs", expected: "two keypoints a pair, from 0 to \(count - 1)")
    }
    let given = try settings.integers("fields.channels")
    guard given.allSatisfy({ $0 >= 0 }), given.isEmpty || given.count == pairs.count else {
      throw settings.wrong("fields.channels", expected: "x and y of each pair")
    }
    let channels = given.isEmpty ? Array(pairs.indices) : given
    let firstField = try settings.integer("fields.first", from: 0)
    fields = Channels(
      output: try settings.text("fields.output"), first: firstField, end: firstField + (channels.max() ?? -1) + 1)
    outputNames = maps.output == fields.output ? [maps.output] : [maps.output, fields.output]
    upsampling = try Upsampling(settings: settings)
    peakFinder = try PeakFinder(settings: settings)
    limbFinder = try LimbFinder(settings: settings, pairs: pairs, channels: channels)
    grouping = try Grouping(settings: settings, pairs: pairs)
  }

  public mutating func decode(_ outputs: [OutputTensor], into people: inout DecodedPeople) throws(PoseError) {
    let heatmaps = try outputs.tensor(0, named: maps.output, axes: 3)
    let limbFields = try outputs.tensor(outputNames.count - 1, named: fields.output, axes: 3)
    let (height, width) = (heatmaps.shape[0], heatmaps.shape[1])
    for tensor in [heatmaps, limbFields] {
      let channels = max(
        tensor.name == maps.output ? maps.end : 0, tensor.name == fields.output ? fields.end : 0)
      guard tensor.shape == [height, width, channels] else {
        throw .wrongShape(tensor: tensor.name, expected: [height, width, channels], found: tensor.shape)
      }
    }
    upsampling.fit(width: width, height: height)
    let peaks = heatmaps.values.withUnsafeBufferPointer { values in
      peakFinder.find(
        CellMaps(values: values, width: width, count: heatmaps.shape[2]), first: maps.first, upsampling)
    }
    let limbs = limbFields.values.withUnsafeBufferPointer { values in
      limbFinder.find(
        CellMaps(values: values, width: width, count: limbFields.shape[2]), first: fields.first, peaks,
        upsampling.plain)
    }
    let found = grouping.people(limbs, peaks)
    let order = found.indices.sorted {
      let (one, other) = (grouping.confidence(found[$0]), grouping.confidence(found[$1]))
      return one == other ? $0 < $1 : one > other
    }
    for index in order { append(found[index], peaks, width: width, height: height, to: &people) }
  }

  private func append(
    _ person: Grouping.Person, _ peaks: Peaks, width: Int, height: Int, to people: inout DecodedPeople
  ) {
    let factor = upsampling.factor
    let offset =
      switch alignment {
      case .stride: 0.0
      case .halfPixel: 0.5
      case .cells: 0.5 - Double(factor) / 2
      }
    let scaleX = Double(inputSize.width) / Double(width * factor)
    let scaleY = Double(inputSize.height) / Double(height * factor)
    let points = person.peaks.map { index -> PosePoint? in
      guard index != Grouping.Person.absent else { return nil }
      let peak = peaks.all[index]
      return PosePoint(x: (peak.x + offset) * scaleX, y: (peak.y + offset) * scaleY, score: peak.score)
    }
    people.appendPartial(points, confidence: grouping.confidence(person))
  }
}

extension DecoderSettings {
  func integer(_ name: String, from least: Int) throws(PoseError) -> Int {
    let found = try integer(name)
    guard found >= least else { throw wrong(name, expected: "an integer from \(least) on") }
    return found
  }
}
