// SPDX-License-Identifier: Apache-2.0

// Benchmark [FRAMES]: times the warp of a 1280 x 720 BGRA frame to 192 x 256 and the decoders of 17
// keypoints, frame by frame, as JSON in milliseconds. Several people are found among 8400 candidates of 640 x 640 px, of
// which 100 are above the least confidence, or all.

import Foundation
import TinyPoseCore

struct Timing: Encodable {
  let frames: Int
  let medianMs: Double
  let p90Ms: Double
}

/// Median and 90th percentile of `body` over `frames` runs, after a tenth as many that do not count.
func time(_ frames: Int, _ body: (Int) throws -> Void) throws -> Timing {
  let clock = ContinuousClock()
  var seconds: [Double] = []
  for frame in -(frames / 10)..<frames {
    let elapsed = try clock.measure { try body(frame + frames) }
    let (whole, atto) = elapsed.components
    if frame >= 0 { seconds.append(Double(whole) + Double(atto) * 1e-18) }
  }
  seconds.sort()
  return Timing(
    frames: frames, medianMs: seconds[frames / 2] * 1e3, p90Ms: seconds[frames * 9 / 10] * 1e3)
}

/// Numbers from 0 to 1 that are the same at every run.
func noise(_ count: Int) -> [Float] {
  var state: UInt32 = 20_261_121
  return (0..<count).map { _ in
    state = state &* 1_664_525 &+ 1_013_904_223
    return Float(state >> 8) / Float(1 << 24)
  }
}

func timeWarp(_ frames: Int, rotationDegrees: Double, center: Point) throws -> Timing {
  let input = TinyPoseContract.input
  let picture = noise(1280 * 720 * 4).map { UInt8($0 * 255) }
  var target = [Float](repeating: 0, count: input.valueCount)
  let processor = try PoseProcessor()
  return try picture.withUnsafeBytes { bytes in
    let view = try PixelView(bytes, width: 1280, height: 720, bytesPerRow: 1280 * 4, order: .bgra)
    return try target.withUnsafeMutableBufferPointer { buffer in
      try time(frames) { frame in
        let moved = Point(x: center.x + Double(frame % 7), y: center.y)
        let region = try Region(
          center: moved, width: 480, height: 640, rotationDegrees: rotationDegrees)
        _ = try processor.prepare(view, orientation: .upright, region: region, into: buffer)
      }
    }
  }
}

func timeDecoder(
  _ frames: Int, _ decoder: any PoseDecoder, _ shapes: [[Int]], change: (inout [OutputTensor]) -> Void = { _ in }
) throws -> Timing {
  var outputs = zip(decoder.outputNames, shapes).map { name, shape in
    OutputTensor(name: name, shape: shape, values: noise(shape.reduce(1, *)))
  }
  change(&outputs)
  var decoder = decoder
  var people = DecodedPeople()
  return try time(frames) { _ in
    for output in outputs { try output.check() }
    people.removeAll()
    try decoder.decode(outputs, into: &people)
  }
}

func timeCandidates(_ frames: Int, above: Int) throws -> Timing {
  let settings = DecoderSettings(
    candidates, inputSize: PixelSize(width: 640, height: 640), inputAlignment: .halfPixel, keypointCount: 17)
  let decoder = try DetectionsDecoder(settings: settings)
  return try timeDecoder(frames, decoder, [[4, 8400], [1, 8400], [51, 8400]]) { outputs in
    for index in 0..<4 * 8400 { outputs[0].values[index] *= 4 }  // boxes of up to 8 cells a side
    for place in 0..<8400 { outputs[1].values[place] *= 0.2 }
    for one in 0..<above { outputs[1].values[one * (8400 / above)] += 0.3 }
  }
}

let frames = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 400
let inside = Point(x: 640, y: 360)
let heatmap: [String: DecoderSettings.Value] = [
  "output": "heatmaps", "refinement": "dark", "alignment": "stride", "border": "both", "blur_kernel": 11,
  "activation": "none",
]
let simcc: [String: DecoderSettings.Value] = [
  "output_x": "x", "output_y": "y", "split_ratio": 2, "score_reduction": "min", "refinement": "none",
  "activation": "none",
]
let regression: [String: DecoderSettings.Value] = [
  "output": "c", "fields": ["y", "x", "score"], "range": "unit", "activation": "none",
]

let candidates: [String: DecoderSettings.Value] = [
  "axes": "channels_first", "strides": [8, 16, 32], "boxes.outputs": ["boxes"], "boxes.first": 0,
  "boxes.format": "ltrb", "boxes.unit": "cells", "boxes.shift": 0.5, "scores.outputs": ["scores"], "scores.first": 0,
  "scores.count": 1, "scores.person": 0, "scores.activation": "none", "keypoints.outputs": ["keypoints"],
  "keypoints.first": 0, "keypoints.fields": ["x", "y", "score"], "keypoints.unit": "cells", "keypoints.factor": 2,
  "keypoints.shift": 0, "keypoints.activation": "sigmoid", "min_confidence": 0.25, "nms.kind": "iou",
  "nms.definition": "plain", "nms.threshold": 0.7, "nms.most_in": 30000, "nms.most_out": 300,
  "oks_sigmas": .list(Array(repeating: 0.05, count: 17)),
]

func settings(_ values: [String: DecoderSettings.Value]) -> DecoderSettings {
  let input = TinyPoseContract.input
  return DecoderSettings(values, inputSize: input.size, inputAlignment: input.alignment, keypointCount: 17)
}

let report = [
  "warp_upright": try timeWarp(frames, rotationDegrees: 0, center: inside),
  "warp_turned": try timeWarp(frames, rotationDegrees: 20, center: inside),
  "warp_half_outside": try timeWarp(frames, rotationDegrees: 0, center: Point(x: 40, y: 360)),
  "decode_heatmap_quarter": try timeDecoder(
    frames, HeatmapDecoder(settings: settings(heatmap.merging(["refinement": "quarter"]) { $1 })), [[64, 48, 17]]),
  "decode_heatmap_dark": try timeDecoder(frames, HeatmapDecoder(settings: settings(heatmap)), [[64, 48, 17]]),
  "decode_simcc": try timeDecoder(frames, SimccDecoder(settings: settings(simcc)), [[17, 384], [17, 512]]),
  "decode_regression": try timeDecoder(frames, RegressionDecoder(settings: settings(regression)), [[17, 3]]),
  "decode_8400_candidates": try timeCandidates(frames, above: 100),
  "decode_8400_candidates_all_sure": try timeCandidates(frames, above: 8400),
]
let encoder = JSONEncoder()
encoder.keyEncodingStrategy = .convertToSnakeCase
encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
print(String(decoding: try encoder.encode(report), as: UTF8.self))
