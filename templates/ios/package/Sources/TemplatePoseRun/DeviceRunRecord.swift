// SPDX-License-Identifier: Apache-2.0

import Foundation
import TemplatePoseCore

/// What ran the cases, as the system names itself.
package struct RunDevice: Encodable, Sendable {
  let name: String
  let os: String
  let simulated: Bool

  package init(name: String, os: String, simulated: Bool = false) {
    self.name = name
    self.os = os
    self.simulated = simulated
  }
}

/// The system's version in digits: its own text for it depends on the language that is set.
package func systemVersion() -> String {
  let version = ProcessInfo.processInfo.operatingSystemVersion
  return "\(version.majorVersion).\(version.minorVersion).\(version.patchVersion)"
}

/// A tensor beside run.json: raw little-endian float32.
struct TensorRecord: Encodable {
  let file: String
  let shape: [Int]
}

/// One person, source px.
struct PersonRecord: Encodable {
  let keypoints: [[Double]]
  let scores: [Double]
  let confidence: Double
  let box: [Double]?
  let visibility: [Double]?
  let presence: [Double]?
  let world: [[Double]]?

  private enum CodingKeys: String, CodingKey {
    case keypoints
    case scores
    case confidence
    case box = "box_xyxy"
    case visibility
    case presence
    case world
  }

  /// Nil where a number is not finite.
  init?(_ pose: Pose) {
    keypoints = pose.points.map { point in [point.x, point.y] + (point.z.map { [$0] } ?? []) }
    scores = pose.points.map(\.score)
    confidence = pose.confidence
    box = pose.box.map { [$0.left, $0.top, $0.right, $0.bottom] }
    visibility = oneEach(pose.points.map(\.visibility))
    presence = oneEach(pose.points.map(\.presence))
    world = pose.world?.map { [$0.x, $0.y, $0.z] }
    let more = [box, visibility, presence, world?.flatMap { $0 }].compactMap { $0 }.flatMap { $0 }
    let numbers = keypoints.flatMap { $0 } + scores + [confidence] + more
    guard numbers.allSatisfy(\.isFinite) else { return nil }
  }

  func encode(to encoder: any Encoder) throws {
    var data = encoder.container(keyedBy: CodingKeys.self)
    try data.encode(keypoints, forKey: .keypoints)
    try data.encode(scores, forKey: .scores)
    try data.encode(confidence, forKey: .confidence)
    try data.encode(box, forKey: .box)  // null where the model gives none, never left out
    try data.encodeIfPresent(visibility, forKey: .visibility)
    try data.encodeIfPresent(presence, forKey: .presence)
    try data.encodeIfPresent(world, forKey: .world)
  }
}

/// The values, nil unless all are there.
private func oneEach(_ values: [Double?]) -> [Double]? {
  let found = values.compactMap { $0 }
  return found.isEmpty || found.count < values.count ? nil : found
}

/// What one mode of one case gave; `people` is nil where numbers are not finite, or nothing was decoded.
struct ResultRecord: Encodable {
  let mode: RunMode
  var input: TensorRecord?
  var outputs: [String: TensorRecord] = [:]
  var people: [PersonRecord]?
  var dense: [String: TensorRecord] = [:]
}

/// One case with the hash of what was read and the region that was used.
struct CaseRecord: Encodable {
  let name: String
  let sha256: String
  let region: WrittenRegion
  let results: [ResultRecord]
}

/// Milliseconds of one step over the timed runs.
struct Latency: Encodable {
  let p50: Double
  let p90: Double
  let runs: Int

  private enum CodingKeys: String, CodingKey {
    case p50 = "p50_ms"
    case p90 = "p90_ms"
    case runs
  }
}

/// All cases on one accelerator; without cases where it did not run them.
struct PassRecord: Encodable {
  let requested: RunAccelerator
  var used: RunAccelerator?
  var fallbackReason: String?
  var failure: String?
  var detail: String?
  var thermalBefore: String?
  var thermalAfter: String?
  var latencies: [String: Latency]?
  var cases: [CaseRecord] = []

  private enum CodingKeys: String, CodingKey {
    case requested
    case used
    case fallbackReason = "fallback_reason"
    case failure
    case detail
    case thermalBefore = "thermal_before"
    case thermalAfter = "thermal_after"
    case latencies
    case cases
  }

  func encode(to encoder: any Encoder) throws {
    var data = encoder.container(keyedBy: CodingKeys.self)
    try data.encode(requested, forKey: .requested)
    try data.encode(used, forKey: .used)  // null where it is not known, never left out
    try data.encodeIfPresent(fallbackReason.map { String($0.prefix(maxText)) }, forKey: .fallbackReason)
    try data.encodeIfPresent(failure.map { String($0.prefix(maxText)) }, forKey: .failure)
    try data.encodeIfPresent(detail, forKey: .detail)
    try data.encodeIfPresent(thermalBefore, forKey: .thermalBefore)
    try data.encodeIfPresent(thermalAfter, forKey: .thermalAfter)
    try data.encodeIfPresent(latencies, forKey: .latencies)
    try data.encode(cases, forKey: .cases)
  }
}

/// run.json.
struct RunRecord: Encodable {
  let schema = 1
  let device: RunDevice
  let runtime: String
  let modelSha256: String
  let contractSha256: String
  let build = buildName
  let error: String?
  let passes: [PassRecord]

  private enum CodingKeys: String, CodingKey {
    case schema
    case device
    case runtime
    case modelSha256 = "model_sha256"
    case contractSha256 = "contract_sha256"
    case build
    case error
    case passes
  }
}

/// How this code was built, which preprocessing and decoding take their time from.
#if DEBUG
  private let buildName = "debug"
#else
  private let buildName = "release"
#endif

let maxText = 1000
