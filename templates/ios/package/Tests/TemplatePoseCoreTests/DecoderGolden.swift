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
  let decoder: [String: GoldenSetting]
  let sizeWh: [Int]
  /// Of the input.
  let alignment: String
  let outputs: [Output]
  let dimensions: Int
  let keypoints: [Double]
  let scores: [Double]

  var kind: String? {
    guard case .text(let kind)? = decoder["kind"]?.value else { return nil }
    return kind
  }

  /// As the generated contract holds its own.
  func settings() throws -> DecoderSettings {
    DecoderSettings(
      decoder.compactMapValues(\.value), inputSize: PixelSize(width: sizeWh[0], height: sizeWh[1]),
      inputAlignment: try known(alignment), keypointCount: scores.count)
  }
}

struct DecoderErrors: Encodable {
  var cases = 0
  var px = 0.0
  var score = 0.0
  var unrefusedNan = 0
}

/// Decodes all cases of one kind.
func checkDecoders(
  folder: URL, kind: String, make: (DecoderSettings) throws -> any PoseDecoder
) throws -> DecoderErrors {
  var errors = DecoderErrors()
  let cases = try read("decoders.json", DecoderCase.self, folder: folder)
  for item in cases where item.kind == kind {
    errors.cases += 1
    let settings = try item.settings()
    var decoder = try make(settings)
    var outputs = try decoder.outputNames.map { name in
      guard let output = item.outputs.first(where: { $0.name == name }) else {
        throw BadGolden("case \(item.name) has no output \(name)")
      }
      return OutputTensor(name: name, shape: output.shape, values: floats(output.values))
    }
    var points: [PosePoint] = []
    for _ in 0..<2 {  // the second run must not see the first one's scratch
      try decoder.decode(outputs, size: settings.inputSize, into: &points)
      let found = points.flatMap { [$0.x, $0.y] + ($0.z.map { [$0] } ?? []) }
      errors.px = max(errors.px, largestDifference(found, item.keypoints))
      errors.score = max(errors.score, largestDifference(points.map(\.score), item.scores))
    }
    for bad in [Float.nan, .infinity, -.infinity] {
      outputs[outputs.count - 1].values[0] = bad
      if (try? outputs[outputs.count - 1].check()) != nil { errors.unrefusedNan += 1 }
    }
  }
  return errors
}
