// SPDX-License-Identifier: Apache-2.0

import TemplatePoseCore
import Testing

@Suite struct DetectionsDecoderTests {
  /// One keypoint on an input of 32 x 16 px with cells of 16 px: two candidates.
  private let sound: [String: DecoderSettings.Value] = [
    "axes": "rows", "strides": [16], "boxes.outputs": ["boxes"], "boxes.first": 0, "boxes.format": "cxcywh_exp",
    "boxes.unit": "cells", "boxes.shift": 0.5, "scores.outputs": ["scores"], "scores.first": 0, "scores.count": 2,
    "scores.person": 1, "scores.activation": "none", "keypoints.outputs": ["keypoints"], "keypoints.first": 0,
    "keypoints.fields": ["x", "y"], "keypoints.unit": "cells", "keypoints.factor": 1, "keypoints.shift": 0,
    "keypoints.activation": "none", "min_confidence": 0.25, "nms.kind": "none", "nms.definition": "plain",
    "nms.threshold": 0.7, "nms.most_in": 10, "nms.most_out": 2, "oks_sigmas": [0.1],
  ]

  private func decoder(_ changes: [String: DecoderSettings.Value?] = [:]) throws -> DetectionsDecoder {
    var values = sound
    for (name, value) in changes { values[name] = value }
    return try DetectionsDecoder(
      settings: DecoderSettings(
        values, inputSize: PixelSize(width: 32, height: 16), inputAlignment: .halfPixel, keypointCount: 1))
  }

  private func outputs(boxes: [Float], scores: [Float]) -> [OutputTensor] {
    [
      OutputTensor(name: "boxes", shape: [2, 4], values: boxes),
      OutputTensor(name: "scores", shape: [2, 2], values: scores),
      OutputTensor(name: "keypoints", shape: [2, 2], values: [0, 0, 0, 0]),
    ]
  }

  @Test func aPersonIsReadFromItsCell() throws {
    var decoder = try decoder()
    var people = DecodedPeople()
    let boxes: [Float] = [0, 0, 0, 0, 0, 0, 0, 0]
    try decoder.decode(outputs(boxes: boxes, scores: [0.1, 0.2, 0.3, 0.75]), into: &people)
    #expect(people.count == 1)
    #expect(people.confidence(of: 0) == 0.75)
    #expect(people.box(of: 0) == Box(left: 16, top: 0, right: 32, bottom: 16))
    #expect(Array(people.points(of: 0)) == [PosePoint(x: 16, y: 0, score: 0.75)])
    people.removeAll()
    try decoder.decode(outputs(boxes: boxes, scores: [0.5, 0.5, 0, 0.25]), into: &people)
    #expect(people.count == 0)  // of equal classes the first is the best; the threshold itself is too little
  }

  @Test func aBoxBeyondAllNumbersIsRefused() throws {
    var decoder = try decoder()
    var people = DecodedPeople()
    let huge = outputs(boxes: [0, 0, 0, 0, 0, 0, 1000, 0], scores: [0, 0, 0, 1])
    #expect(throws: PoseError.nonFinite(tensor: "boxes", index: 6)) { try decoder.decode(huge, into: &people) }
  }

  @Test func everyWrongSettingIsNamed() throws {
    let wrong: [(String, DecoderSettings.Value?)] = [
      ("axes", "columns"), ("strides", [0]), ("strides", [16, 32, 0.5]), ("strides", []), ("boxes.first", -1),
      ("boxes.format", "xxyy"), ("boxes.unit", "unit"), ("boxes.shift", nil), ("scores.count", 0),
      ("scores.person", 2), ("scores.activation", "softmax"), ("scores.outputs", ["a", "b"]),
      ("scores.objectness.outputs", "a"), ("scores.class_channel", -1), ("keypoints.fields", ["x", "score"]),
      ("keypoints.factor", "2"), ("min_confidence", 1), ("nms.kind", "soft"), ("nms.threshold", 0),
      ("boxes.variances", [1]), ("boxes.variances", [0, 1]), ("scores.clip", 0), ("scores.power", 0),
      ("anchors.counts", [1, 1]), ("anchors.counts", [0]), ("keypoints.outputs", nil),
      ("nms.most_in", 0), ("nms.most_out", 0), ("oks_sigmas", nil), ("oks_sigmas", [0.1, 0.1]), ("oks_sigmas", [0]),
    ]
    _ = try decoder()
    for (name, value) in wrong {
      let error = #expect(throws: PoseError.self) { try decoder([name: value]) }
      guard case .wrongSetting(let told, _, _)? = error else {
        Issue.record("\(name): \(String(describing: error))")
        continue
      }
      let isNamed = told == name || name == "strides" || name == "scores.class_channel"
      #expect(isNamed, "\(name): \(told)")
    }
  }

  @Test func outputsOfUnlikeLengthAreRefused() throws {
    var decoder = try decoder(["strides": [], "boxes.format": "xyxy", "boxes.unit": "unit", "keypoints.unit": "unit"])
    var people = DecodedPeople()
    var outputs = outputs(boxes: [0, 0, 1, 1, 0, 0, 1, 1], scores: [0, 1, 0, 1])
    try decoder.decode(outputs, into: &people)
    #expect(people.box(of: 0) == Box(left: 0, top: 0, right: 32, bottom: 16))
    outputs[2] = OutputTensor(name: "keypoints", shape: [3, 2])
    #expect(throws: PoseError.wrongShape(tensor: "keypoints", expected: [2, 2], found: [3, 2])) {
      try decoder.decode(outputs, into: &people)
    }
  }
}
