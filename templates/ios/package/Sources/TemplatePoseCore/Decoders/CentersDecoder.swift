// SPDX-License-Identifier: Apache-2.0

/// Centres of people, and displacements from each to the keypoints: CenterNet's pose, DEKR, and MMPose's codec of these.
///
/// Sources: Zhou et al. 2019, "Objects as Points"; Geng et al. 2021, "Disentangled Keypoint Regression".
public struct CentersDecoder: PoseDecoder {
  enum Sign: String, CaseIterable { case added, subtracted }

  private let stride: Int
  private let centers: PeakRule
  private let displacements: Channels
  private let sign: Double
  private let boxes: BoxRule?
  private let snapping: SnapRule?
  private let scoring: ScoreRule?
  private let suppression: SuppressionRule?
  private let shift: Double
  private let minConfidence: Double
  private let inputSize: PixelSize
  private let keypointCount: Int

  public init(settings: DecoderSettings) throws(PoseError) {
    keypointCount = settings.keypointCount
    inputSize = settings.inputSize
    stride = try settings.integer("stride")
    guard stride > 0 else { throw settings.wrong("stride", expected: "a number above 0") }
    centers = try PeakRule(settings: settings, role: "centers", count: 1)
    displacements = try Channels(settings: settings, role: "displacements", count: 2 * keypointCount)
    let sign: Sign = try settings.choice("displacements.sign")
    self.sign = sign == .added ? 1 : -1
    boxes = settings.has("boxes.sizes.output") ? try BoxRule(settings: settings) : nil
    snapping = settings.has("snapping.output") ? try SnapRule(settings: settings) : nil
    guard snapping == nil || boxes != nil else {
      throw settings.wrong("boxes.sizes.output", expected: "an output, for snapping")
    }
    scoring = settings.has("scoring.output") ? try ScoreRule(settings: settings) : nil
    suppression = settings.has("suppression.by") ? try SuppressionRule(settings: settings) : nil
    shift = try settings.number("shift")
    minConfidence = try settings.number("min_confidence")
  }

  private var roles: [Channels] {
    let found = [
      centers.channels, displacements, boxes?.sizes, boxes?.offsets, snapping?.peaks.channels, snapping?.offsets,
      scoring?.channels,
    ]
    return found.compactMap { $0 }
  }

  public var outputNames: [String] {
    var names: [String] = []
    for role in roles where !names.contains(role.output) { names.append(role.output) }
    return names
  }

  public mutating func decode(
    _ outputs: [OutputTensor], into people: inout DecodedPeople
  ) throws(PoseError) {
    let maps = try maps(outputs)
    let peaks = snapping.map { rule in (0..<keypointCount).map { rule.peaks.find(in: maps, channel: $0) } } ?? []
    let found = centers.find(in: maps, channel: 0).map { self.found($0, in: maps, peaks) }
    let kept = (suppression?.keep(found) ?? Array(found.indices))
      .filter { found[$0].confidence > minConfidence }
      .sorted { (found[$1].confidence, $0) < (found[$0].confidence, $1) }
    let factor = Double(stride)
    for person in kept.map({ found[$0] }) {
      for (point, score) in zip(person.points, person.scores) {
        people.append(PosePoint(x: point.x * factor, y: point.y * factor, score: score))
      }
      let box = Box(
        left: person.box.left * factor, top: person.box.top * factor, right: person.box.right * factor,
        bottom: person.box.bottom * factor)
      people.endPerson(confidence: person.confidence, box: box)
    }
  }

  private func maps(_ outputs: [OutputTensor]) throws(PoseError) -> [String: OutputTensor] {
    var found: [String: OutputTensor] = [:]
    for (index, name) in outputNames.enumerated() {
      let tensor = try outputs.tensor(index, named: name, axes: 3)
      let channels = roles.filter { $0.output == name }.map { $0.first + $0.count }.max() ?? 0
      let expected = [(inputSize.height + stride - 1) / stride, (inputSize.width + stride - 1) / stride, channels]
      guard tensor.shape == expected else {
        throw .wrongShape(tensor: name, expected: expected, found: tensor.shape)
      }
      found[name] = tensor
    }
    return found
  }

  private func found(_ center: Peak, in maps: [String: OutputTensor], _ peaks: [[Peak]]) -> Found {
    let values = displacements.map(in: maps)
    var points = (0..<keypointCount).map { k in
      Point(
        x: Double(center.x) + shift + sign * values.at(center.x, center.y, 2 * k),
        y: Double(center.y) + shift + sign * values.at(center.x, center.y, 2 * k + 1))
    }
    let box = boxes?.box(of: center, in: maps)
    if let box { snapping?.snap(&points, to: peaks, within: box, in: maps) }
    let heat = points.enumerated().map { k, point in
      scoring?.heat(of: k, at: point, stride: stride, in: maps) ?? 1
    }
    return Found(points, box: box, center: center.score, heat: heat, isScored: scoring != nil)
  }
}

extension CentersDecoder {
  /// A person in cells; heat is 1 where keypoints are not scored.
  struct Found {
    let points: [Point]
    let box: Box
    let scores: [Double]
    let confidence: Double
    let meanHeat: Double

    init(_ points: [Point], box: Box?, center: Double, heat: [Double], isScored: Bool) {
      self.points = points
      self.box = box ?? Self.extent(points)
      scores = heat.map { center * $0 }
      confidence = isScored ? scores.reduce(0, +) / Double(scores.count) : center
      meanHeat = heat.reduce(0, +) / Double(heat.count)
    }

    /// The length of the diagonal of the keypoints' extent.
    var diagonal: Double {
      let extent = Self.extent(points)
      let (width, height) = (extent.right - extent.left, extent.bottom - extent.top)
      return (width * width + height * height).squareRoot()
    }

    private static func extent(_ points: [Point]) -> Box {
      var box = Box(left: .infinity, top: .infinity, right: -.infinity, bottom: -.infinity)
      for point in points {
        box = Box(
          left: min(box.left, point.x), top: min(box.top, point.y), right: max(box.right, point.x),
          bottom: max(box.bottom, point.y))
      }
      return box
    }
  }

  /// Two people are one if more than `keypoints` keypoints are nearer than `distance` times the diagonal of one.
  struct SuppressionRule {
    /// `heat`: in the order of their centres, and who has the highest mean heat stays. `score`: the most confident first,
    /// and who is the most confident stays.
    enum By: String, CaseIterable { case heat, score }

    private let distance: Double
    private let keypoints: Int
    private let by: By
    private let most: Int

    init(settings: DecoderSettings) throws(PoseError) {
      distance = try settings.number("suppression.distance")
      keypoints = try settings.integer("suppression.keypoints")
      by = try settings.choice("suppression.by")
      most = try settings.integer("suppression.most")
    }

    /// Places of the people who stay.
    func keep(_ found: [Found]) -> [Int] {
      let rank = found.map { by == .heat ? $0.meanHeat : $0.confidence }
      let ranked = found.indices.sorted { (rank[$1], $0) < (rank[$0], $1) }
      var gone = [Bool](repeating: false, count: found.count)
      var kept: [Int] = []
      for one in by == .heat ? Array(found.indices) : ranked where !gone[one] {
        let same = found.indices.filter { $0 == one || areAlike(found[one], found[$0]) }
        guard let best = ranked.first(where: same.contains), !gone[best] else { continue }
        kept.append(best)
        for other in same { gone[other] = true }
      }
      return Array(ranked.filter(kept.contains).prefix(most))
    }

    private func areAlike(_ one: Found, _ other: Found) -> Bool {
      let reach = distance * one.diagonal
      let near = zip(one.points, other.points).filter { a, b in
        ((a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y)).squareRoot() < reach
      }
      return near.count > keypoints
    }
  }
}
