// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Candidates of a one-stage network, each a box, scores of classes and keypoints, of which suppression keeps people.
///
/// What the channels are is said by roles: YOLO-pose with its coordinates in cells or px, YOLOX-pose and RTMO, face and
/// hand heads of several levels, tables of people that a network has sorted itself, and detectors, which may give the
/// corners of their boxes as keypoints.
/// Sources: Maji et al. 2022, "YOLO-Pose"; Lu et al. 2024, "RTMO"; Wu et al. 2023, "YuNet".
public struct DetectionsDecoder: PoseDecoder {
  struct Candidate {
    let place: Int
    let confidence: Double
  }

  public let outputNames: [String]
  private let expected: [[Int]]
  private let axes: Axes
  private let grid: CandidateGrid
  private let scale: Point
  private let keypointCount: Int
  let boxes: BoxRole
  private let scores: ScoreRole
  private let keypoints: KeypointRole?
  private let minConfidence: Double
  private let rawFloor: Double
  private(set) var boxNumbers: RoleNumbers
  private var scoreNumbers: RoleNumbers
  private var objectnessNumbers: RoleNumbers
  private var keypointNumbers: RoleNumbers
  private var nms: Suppression
  private var ranked: [Candidate] = []
  private var means: [Mean] = []

  public init(settings: DecoderSettings) throws(PoseError) {
    axes = try settings.choice("axes")
    grid = try CandidateGrid(settings: settings)
    boxes = try BoxRole(settings: settings)
    scores = try ScoreRole(settings: settings)
    keypoints = settings.has("keypoints.outputs") ? try KeypointRole(settings: settings) : nil
    guard keypoints != nil || settings.keypointCount == 2 else {
      throw settings.wrong("keypoints.outputs", expected: "names, or the 2 keypoints that are corners of a box")
    }
    nms = try Suppression(settings: settings)
    keypointCount = settings.keypointCount
    scale = Point(
      x: Double(settings.inputSize.width - settings.inputAlignment.shrink),
      y: Double(settings.inputSize.height - settings.inputAlignment.shrink))
    minConfidence = try settings.number("min_confidence")
    guard minConfidence >= 0, minConfidence < 1 else {
      throw settings.wrong("min_confidence", expected: "a number from 0 to below 1")
    }
    rawFloor = scores.floor(of: minConfidence)
    let layout = try OutputLayout(
      axes: axes, grid: grid, boxes: boxes, scores: scores, keypoints: keypoints, settings: settings)
    outputNames = layout.names
    expected = layout.shapes
    boxNumbers = layout.numbers(of: boxes.outputs)
    scoreNumbers = layout.numbers(of: scores.outputs)
    objectnessNumbers = layout.numbers(of: scores.objectness?.outputs ?? [])
    keypointNumbers = layout.numbers(of: keypoints?.outputs ?? [])
  }

  public mutating func decode(_ outputs: [OutputTensor], into people: inout DecodedPeople) throws(PoseError) {
    try layOut(outputs)
    rank(outputs)
    nms.begin()
    if nms.kind == .weighted { return try appendMeans(outputs, to: &people) }
    for candidate in ranked {
      if people.count == nms.mostOut { break }
      let cell = grid.cell(of: candidate.place)
      let box = try box(of: candidate.place, in: cell, outputs)
      guard nms.keeps(box) else { continue }
      for point in points(of: candidate, in: cell, box, outputs) { people.append(point) }
      people.endPerson(confidence: candidate.confidence, box: box)
      if !nms.keepsLast(of: people) { people.removeLast() }
    }
  }

  /// People who are each the mean of all candidates that are like the best one.
  private mutating func appendMeans(_ outputs: [OutputTensor], to people: inout DecodedPeople) throws(PoseError) {
    means.removeAll(keepingCapacity: true)
    for candidate in ranked {
      let cell = grid.cell(of: candidate.place)
      let box = try box(of: candidate.place, in: cell, outputs)
      guard let owner = nms.owner(of: box) else { continue }
      let points = points(of: candidate, in: cell, box, outputs)
      if owner == means.count { means.append(Mean(of: candidate, points)) }
      means[owner].add(box, points, weight: candidate.confidence)
    }
    for mean in means {
      for point in mean.points { people.append(point) }
      people.endPerson(confidence: mean.confidence, box: mean.box)
    }
  }

  /// Where every number of these outputs lies; all of them must hold the same candidates.
  private mutating func layOut(_ outputs: [OutputTensor]) throws(PoseError) {
    var count = grid.count
    for (index, name) in outputNames.enumerated() {
      let found = try outputs.tensor(index, named: name, axes: expected[index].count).shape
      guard zip(found, expected[index]).allSatisfy({ $1 < 0 || $0 == $1 }) else {
        throw .wrongShape(tensor: name, expected: expected[index], found: found)
      }
      guard grid.isEmpty else { continue }
      let own = found[axes == .channelsFirst ? 1 : 0]
      guard count == 0 || own == count else {
        throw .wrongShape(tensor: name, expected: expected[index].map { $0 < 0 ? count : $0 }, found: found)
      }
      count = own
    }
    boxNumbers.layOut(outputs, axes: axes)
    scoreNumbers.layOut(outputs, axes: axes)
    objectnessNumbers.layOut(outputs, axes: axes)
    keypointNumbers.layOut(outputs, axes: axes)
  }

  /// Fills `ranked` with the people's candidates above `minConfidence`, the best first, equal ones in their order.
  private mutating func rank(_ outputs: [OutputTensor]) {
    ranked.removeAll(keepingCapacity: true)
    let person = scores.first + (scores.classChannel == nil ? scores.person : 0)
    for part in scoreNumbers.parts {
      outputs[part.output].values.withUnsafeBufferPointer { values in
        var at = person * part.channelStep
        for place in part.places {
          let raw = values[at]
          if Double(raw) > rawFloor, let found = confidence(of: place, raw: raw, outputs) {
            ranked.append(Candidate(place: place, confidence: found))
          }
          at += part.candidateStep
        }
      }
    }
    ranked.sort { ($1.confidence, $0.place) < ($0.confidence, $1.place) }
    if ranked.count > nms.mostIn { ranked.removeLast(ranked.count - nms.mostIn) }
  }

  /// Of the candidate at `place`, whose person scores `raw`; nil for what is too unsure, or of another class.
  private func confidence(of place: Int, raw: Float, _ outputs: [OutputTensor]) -> Double? {
    var found = scores.chance(raw)
    if let objectness = scores.objectness {
      found *= objectness.chance(objectnessNumbers.value(objectness.channel, of: place, in: outputs))
    }
    guard found > minConfidence else { return nil }
    if let channel = scores.classChannel {
      let said = Double(scoreNumbers.value(channel, of: place, in: outputs))
      return (said + 0.5).rounded(.down) == Double(scores.person) ? found : nil
    }
    for other in 0..<scores.count where other != scores.person {  // of equal classes the first is the best
      let value = scoreNumbers.value(scores.first + other, of: place, in: outputs)
      if value > raw || (value == raw && other < scores.person) { return nil }
    }
    return found
  }

  private func box(of place: Int, in cell: Cell, _ outputs: [OutputTensor]) throws(PoseError) -> Box {
    func number(_ which: Int) -> Double { boxNumber(which, of: place, outputs) }
    let found = boxes.box(number(0), number(1), number(2), number(3), cell: cell, extent: scale)
    guard found.isFinite else {
      let (output, index) = boxNumbers.location(boxes.first + 2 * boxes.bins, of: place)
      throw .nonFinite(tensor: outputNames[output], index: index)
    }
    return found
  }

  private func points(of candidate: Candidate, in cell: Cell, _ box: Box, _ outputs: [OutputTensor]) -> [PosePoint] {
    guard let keypoints else {
      return [(box.left, box.top), (box.right, box.bottom)].map {
        PosePoint(x: $0.0, y: $0.1, score: candidate.confidence)
      }
    }
    return (0..<keypointCount).map { keypoint in
      let first = keypoints.first + keypoint * keypoints.fieldCount
      func number(_ column: Int) -> Double {
        Double(keypointNumbers.value(first + column, of: candidate.place, in: outputs))
      }
      let place = keypoints.place(number(keypoints.columnX), number(keypoints.columnY), cell: cell, scale: scale)
      let score = keypoints.columnScore.map { keypoints.activation(number($0)) }
      return PosePoint(x: place.x, y: place.y, score: score ?? candidate.confidence)
    }
  }
}
