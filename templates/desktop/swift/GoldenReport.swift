// SPDX-License-Identifier: Apache-2.0

import Foundation
import TemplatePoseCore

/// What the generated constants are, by the names that pose.json has for them.
private struct ContractFacts: Encodable {
  let hash = TemplatePoseContract.contractHash
  let sizeWh: [Int]
  let resize: String
  let alignment: String
  let sampling: String
  let padValue: Double
  let outside: String
  let anchor: String
  let rounding: String
  let oddPixel: String
  let enlarge: Bool
  let boxPadding: Double
  let names = Keypoint.allCases.map(\.name)
  let cases = Keypoint.allCases.map { "\($0)" }
  let oksSigmas = Keypoint.allCases.map(\.oksSigma)
  let flipPartners = Keypoint.allCases.map(\.flipPartner.index)
  let edges = Keypoint.edges.map { [$0.0.index, $0.1.index] }
  let dense: [String]
  let following: [Double]
  let boxRegion: [Double]

  /// - Parameter rule: of the stage that is followed with; nil for a detector's, which is not.
  init(_ stage: StageSpec, rule: FollowingRule?) throws {
    let input = stage.input
    sizeWh = [input.size.width, input.size.height]
    resize = input.resize.rawValue
    alignment = input.alignment.rawValue
    sampling = input.sampling.rawValue
    padValue = input.padValue
    outside = input.outside.rawValue
    anchor = input.anchor.rawValue
    rounding = input.rounding.rawValue
    oddPixel = input.oddPixel.rawValue
    enlarge = input.enlarge
    boxPadding = input.boxPadding
    dense = stage.dense.map(told)
    following = rule.map(told) ?? []
    let region = try regionFromBox(
      Box(left: 10, top: 20, right: 110, bottom: 220), size: input.size, padding: input.boxPadding)
    boxRegion = [
      region.center.x, region.center.y, region.width, region.height, region.rotationDegrees,
    ]
  }
}

/// What the generated constants say of whom they follow, as Kotlin tells it too.
private func told(_ rule: FollowingRule) -> [Double] {
  let counts = [
    rule.minScore, rule.margin, Double(rule.maxPeople), Double(rule.detectEvery), rule.minOverlap, rule.maxAlike,
  ]
  return counts + told(rule.points, aboutBox: rule.pointsAboutBox)
    + told(rule.nextPoints, aboutBox: rule.nextPointsAboutBox)
}

private func told(_ rule: PointsRule?, aboutBox: Bool) -> [Double] {
  guard let rule else { return [] }
  let places = (rule.withSecond + rule.among).map(Double.init)
  return [Double(rule.first), Double(rule.second), rule.scale, rule.shift, rule.targetDegrees, aboutBox ? 1 : 0]
    + places
}

/// What the generated constants say of a dense result, as Kotlin tells it too.
private func told(_ one: DenseSpec) -> String {
  [
    one.name, one.kind.rawValue, one.output, "\(one.first)", plain(one.stride), plain(one.shift), "\(one.upsampling)",
    one.activation.rawValue, plain(one.threshold), one.within, one.labels.joined(separator: ","),
    "\(one.coarseCount)",
  ].joined(separator: " ") + [one.coarse, one.u, one.v].compactMap { $0 }.map { " \($0.output) \($0.first)" }.joined()
}

/// As C's `%g` writes what has few digits.
private func plain(_ number: Double) -> String {
  number == number.rounded() ? "\(Int(number))" : "\(number)"
}

private struct GoldenReport: Encodable {
  let warp: WarpErrors
  let yuv: YuvErrors
  let decoder: DecoderErrors
  let dense: DenseErrors
  let tracking: TrackingErrors
  let people: PeopleErrors
  let following: FollowingErrors
  let contract: ContractFacts
}

/// The generated settings, not the case's, which would say nothing of them; but for as many keypoints as the case has.
private func ownSettings(of stage: StageSpec, for item: DecoderSettings) -> DecoderSettings {
  let own = stage.decoderSettings
  let sigmas = item.values.filter { $0.key == "oks_sigmas" }
  return DecoderSettings(
    own.values.merging(sigmas) { $1 }, inputSize: own.inputSize, inputAlignment: own.inputAlignment,
    keypointCount: item.keypointCount)
}

/// Largest errors over the golden vectors, and what the generated constants are, as JSON.
/// - Parameter stage: of two stages the one whose vectors these are, `pose` or `detector`.
func goldenReport(folder: URL, stage name: String) throws -> String {
  guard let stage = name == "pose" ? TemplatePoseContract.pose : TemplatePoseContract.detector else {
    throw BadGolden("there is no stage \(name)")
  }
  let report = GoldenReport(
    warp: try checkWarp(folder: folder),
    yuv: try checkYuv(folder: folder),
    decoder: try checkDecoders(folder: folder, kind: stage.decoderKind) {
      try stage.makeDecoder(ownSettings(of: stage, for: $0))
    },
    dense: try checkDense(folder: folder),
    tracking: try checkTracking(folder: folder),
    people: try checkPeople(folder: folder),
    following: try checkFollowing(folder: folder),
    contract: try ContractFacts(stage, rule: name == "pose" ? TemplatePoseContract.following : nil))
  let encoder = JSONEncoder()
  encoder.keyEncodingStrategy = .convertToSnakeCase
  encoder.nonConformingFloatEncodingStrategy = .convertToString(
    positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
  return String(decoding: try encoder.encode(report), as: UTF8.self)
}
