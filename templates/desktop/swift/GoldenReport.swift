// SPDX-License-Identifier: Apache-2.0

import Foundation
import TemplatePoseCore

/// What the generated constants are, by the names that pose.json has for them.
private struct ContractFacts: Encodable {
  let hash = TemplatePoseContract.contractHash
  let sizeWh = [TemplatePoseContract.input.size.width, TemplatePoseContract.input.size.height]
  let resize = TemplatePoseContract.input.resize.rawValue
  let alignment = TemplatePoseContract.input.alignment.rawValue
  let sampling = TemplatePoseContract.input.sampling.rawValue
  let padValue = TemplatePoseContract.input.padValue
  let outside = TemplatePoseContract.input.outside.rawValue
  let anchor = TemplatePoseContract.input.anchor.rawValue
  let rounding = TemplatePoseContract.input.rounding.rawValue
  let oddPixel = TemplatePoseContract.input.oddPixel.rawValue
  let enlarge = TemplatePoseContract.input.enlarge
  let boxPadding = TemplatePoseContract.input.boxPadding
  let names = Keypoint.allCases.map(\.name)
  let cases = Keypoint.allCases.map { "\($0)" }
  let oksSigmas = Keypoint.allCases.map(\.oksSigma)
  let flipPartners = Keypoint.allCases.map(\.flipPartner.index)
  let edges = Keypoint.edges.map { [$0.0.index, $0.1.index] }
  let dense = TemplatePoseContract.dense.map(told)
  let boxRegion: [Double]

  init() throws {
    let input = TemplatePoseContract.input
    let region = try regionFromBox(
      Box(left: 10, top: 20, right: 110, bottom: 220), size: input.size, padding: input.boxPadding)
    boxRegion = [
      region.center.x, region.center.y, region.width, region.height, region.rotationDegrees,
    ]
  }
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
  let decoder: DecoderErrors
  let dense: DenseErrors
  let tracking: TrackingErrors
  let people: PeopleErrors
  let contract: ContractFacts
}

/// The generated settings, not the case's, which would say nothing of them; but for as many keypoints as the case has.
private func ownSettings(for item: DecoderSettings) -> DecoderSettings {
  let own = TemplatePoseContract.decoderSettings
  let sigmas = item.values.filter { $0.key == "oks_sigmas" }
  return DecoderSettings(
    own.values.merging(sigmas) { $1 }, inputSize: own.inputSize, inputAlignment: own.inputAlignment,
    keypointCount: item.keypointCount)
}

/// Largest errors over the golden vectors, and what the generated constants are, as JSON.
func goldenReport(folder: URL) throws -> String {
  let report = GoldenReport(
    warp: try checkWarp(folder: folder),
    decoder: try checkDecoders(folder: folder, kind: TemplatePoseContract.decoderKind) {
      try TemplatePoseContract.makeDecoder(ownSettings(for: $0))
    },
    dense: try checkDense(folder: folder),
    tracking: try checkTracking(folder: folder),
    people: try checkPeople(folder: folder),
    contract: try ContractFacts())
  let encoder = JSONEncoder()
  encoder.keyEncodingStrategy = .convertToSnakeCase
  encoder.nonConformingFloatEncodingStrategy = .convertToString(
    positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
  return String(decoding: try encoder.encode(report), as: UTF8.self)
}
