// SPDX-License-Identifier: Apache-2.0

import Foundation
import TemplatePoseCore

/// The decoder part of a contract, as pose.json has it.
struct DecoderSettings: Decodable {
  let kind: String
  let output: String?
  let refinement: String?
  let alignment: String?
  let blurKernel: Int?
  let activation: String
  let outputX: String?
  let outputY: String?
  let splitRatio: Double?
  let scoreReduction: String?
  let fields: [String]?
  let range: String?
}

struct DecoderCase: Decodable {
  struct Output: Decodable {
    let name: String
    let shape: [Int]
    let values: Data
  }

  let name: String
  let decoder: DecoderSettings
  let sizeWh: [Int]
  /// Of the input.
  let alignment: String
  let outputs: [Output]
  let dimensions: Int
  let keypoints: [Double]
  let scores: [Double]
}

func known<Value>(_ values: [String: Value], _ key: String?) throws -> Value {
  guard let key, let value = values[key] else { throw BadGolden(key ?? "a setting is missing") }
  return value
}

struct DecoderErrors: Encodable {
  var cases = 0
  var px = 0.0
  var score = 0.0
  var unrefusedNan = 0
}

/// Decodes all cases of one kind.
func checkDecoders(
  folder: URL, kind: String, make: (DecoderSettings, Alignment) throws -> any PoseDecoder
) throws -> DecoderErrors {
  var errors = DecoderErrors()
  let cases = try read("decoders.json", DecoderCase.self, folder: folder)
  for item in cases where item.decoder.kind == kind {
    errors.cases += 1
    var decoder = try make(item.decoder, known(alignments, item.alignment))
    let size = PixelSize(width: item.sizeWh[0], height: item.sizeWh[1])
    var outputs = try decoder.outputNames.map { name in
      let output = try known(
        Dictionary(uniqueKeysWithValues: item.outputs.map { ($0.name, $0) }), name)
      return OutputTensor(name: name, shape: output.shape, values: floats(output.values))
    }
    var points: [PosePoint] = []
    for _ in 0..<2 {  // the second run must not see the first one's scratch
      try decoder.decode(outputs, size: size, into: &points)
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
