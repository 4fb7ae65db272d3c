// SPDX-License-Identifier: Apache-2.0

import Foundation
import TemplatePoseCore

/// A setting of a golden case: nil for null.
struct GoldenSetting: Decodable {
  let value: DecoderSettings.Value?

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      value = nil
    } else if let flag = try? container.decode(Bool.self) {
      value = .flag(flag)
    } else if let integer = try? container.decode(Int.self) {
      value = .integer(integer)
    } else if let number = try? container.decode(Double.self) {
      value = .number(number)
    } else if let text = try? container.decode(String.self) {
      value = .text(text)
    } else {
      value = .list(try container.decode([GoldenSetting].self).compactMap(\.value))
    }
  }
}

struct DecoderCase: Decodable {
  struct Output: Decodable {
    let name: String
    let shape: [Int]
    let values: Data
  }

  let name: String
  let kind: String
  let settings: [String: GoldenSetting]
  let sizeWh: [Int]
  /// Of the input.
  let alignment: String
  let keypointCount: Int
  let outputs: [Output]
  let people: Int
  let keypoints: [Double]
  let scores: [Double]
  /// Nil where they are the means of the scores.
  let confidences: [Double]?
  let boxesXyxy: [Double]?
  let visibility: [Double]?
  let presence: [Double]?
  let world: [Double]?

  /// As the generated contract holds its own.
  func decoderSettings() throws -> DecoderSettings {
    DecoderSettings(
      settings.compactMapValues(\.value), inputSize: PixelSize(width: sizeWh[0], height: sizeWh[1]),
      inputAlignment: try known(alignment), keypointCount: keypointCount)
  }

  var meanScores: [Double] {
    (0..<people).map { person in
      let own = scores[person * keypointCount..<(person + 1) * keypointCount]
      return own.reduce(0, +) / Double(keypointCount)
    }
  }
}

struct DecoderErrors: Encodable {
  var cases = 0
  /// Cases with another number of people.
  var count = 0
  var px = 0.0
  var box = 0.0
  /// Of scores and confidences.
  var score = 0.0
  var unrefusedNan = 0

  fileprivate mutating func add(_ found: DecodedPeople, _ item: DecoderCase) {
    guard found.count == item.people else {
      count += 1
      return
    }
    let all = 0..<found.count
    let points = all.flatMap { found.points(of: $0) }
    let boxes = all.compactMap { found.box(of: $0) }.flatMap { [$0.left, $0.top, $0.right, $0.bottom] }
    px = max(px, largestDifference(points.flatMap { [$0.x, $0.y] + ($0.z.map { [$0] } ?? []) }, item.keypoints))
    box = max(box, largestDifference(boxes, item.boxesXyxy ?? []))
    score = max(
      score, largestDifference(points.map(\.score), item.scores),
      largestDifference(all.map { found.confidence(of: $0) }, item.confidences ?? item.meanScores),
      largestDifference(points.compactMap(\.visibility), item.visibility ?? []),
      largestDifference(points.compactMap(\.presence), item.presence ?? []),
      largestDifference(
        all.compactMap { found.world(of: $0) }.flatMap { $0 }.flatMap { [$0.x, $0.y, $0.z] }, item.world ?? []))
  }
}

/// Decodes the cases of one kind.
func checkDecoders(
  folder: URL, kind: String, make: (DecoderSettings) throws -> any PoseDecoder
) throws -> DecoderErrors {
  var errors = DecoderErrors()
  for item in try read("\(kind).json", DecoderCase.self, folder: folder) {
    guard item.kind == kind else { throw BadGolden("case \(item.name) is of \(item.kind)") }
    errors.cases += 1
    var decoder = try make(try item.decoderSettings())
    var outputs = try decoder.outputNames.map { name in
      guard let output = item.outputs.first(where: { $0.name == name }) else {
        throw BadGolden("case \(item.name) has no output \(name)")
      }
      return OutputTensor(name: name, shape: output.shape, values: floats(output.values))
    }
    var people = DecodedPeople()
    for _ in 0..<2 {  // the second run must not see the first one's scratch
      people.removeAll()
      try decoder.decode(outputs, into: &people)
      errors.add(people, item)
    }
    for bad in [Float.nan, .infinity, -.infinity] {
      outputs[outputs.count - 1].values[0] = bad
      if (try? outputs[outputs.count - 1].check()) != nil { errors.unrefusedNan += 1 }
    }
  }
  return errors
}
