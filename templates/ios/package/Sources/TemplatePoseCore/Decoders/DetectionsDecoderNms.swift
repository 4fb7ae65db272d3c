// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Of candidates that are one person the best one: greedy non-maximum suppression, by boxes or by keypoints.
/// Weighted it tells which of the kept ones a candidate is part of.
///
/// Candidates come the best first; one is kept unless it is more like a kept one than the threshold. What is exactly at
/// the threshold stays.
struct Suppression: Sendable {
  /// `iou` of boxes, `oks` of keypoints, `none` where the network gives each person once; `weighted` is of boxes too.
  enum Kind: String, CaseIterable { case iou, oks, none, weighted }

  /// Of the IoU; `inclusive` adds 1 px to every side, as older code does.
  enum Definition: String, CaseIterable { case plain, inclusive }

  /// So many candidates by confidence are looked at.
  let mostIn: Int
  /// So many people are given.
  let mostOut: Int
  let kind: Kind
  private let threshold: Double
  private let extra: Double
  private let variances: [Double]
  private var keptBoxes: [Box] = []

  init(settings: DecoderSettings) throws(PoseError) {
    kind = try settings.choice("nms.kind")
    let definition: Definition = try settings.choice("nms.definition")
    extra = definition == .inclusive ? 1 : 0
    threshold = try settings.number("nms.threshold")
    guard threshold > 0, threshold <= 1 else {
      throw settings.wrong("nms.threshold", expected: "a number above 0, at most 1")
    }
    mostIn = try settings.integer("nms.most_in", atLeast: 1)
    mostOut = try settings.integer("nms.most_out", atLeast: 1)
    let sigmas = try settings.numbers("oks_sigmas")
    guard sigmas.count == settings.keypointCount, sigmas.allSatisfy({ $0 > 0 }) else {
      throw settings.wrong("oks_sigmas", expected: "\(settings.keypointCount) numbers above 0")
    }
    variances = sigmas.map { (2 * $0) * (2 * $0) }
  }

  /// Forgets the candidates of the last picture.
  mutating func begin() {
    keptBoxes.removeAll(keepingCapacity: true)
  }

  /// Whether the next candidate stays as far as boxes tell.
  mutating func keeps(_ box: Box) -> Bool {
    guard kind == .iou else { return true }
    for kept in keptBoxes where iou(kept, box) > threshold { return false }
    keptBoxes.append(box)
    return true
  }

  /// Which of the kept candidates the next one is part of, the first that it is like; a new one, as long as there may be
  /// more, nil after that.
  mutating func owner(of box: Box) -> Int? {
    if let found = keptBoxes.firstIndex(where: { iou($0, box) > threshold }) { return found }
    guard keptBoxes.count < mostOut else { return nil }
    keptBoxes.append(box)
    return keptBoxes.count - 1
  }

  /// Whether the last of `people` stays as far as keypoints tell.
  func keepsLast(of people: DecodedPeople) -> Bool {
    guard kind == .oks else { return true }
    let last = people.count - 1
    for kept in 0..<last where oks(people, kept, last) > threshold { return false }
    return true
  }

  private func iou(_ one: Box, _ other: Box) -> Double {
    let width = min(one.right, other.right) - max(one.left, other.left) + extra
    let height = min(one.bottom, other.bottom) - max(one.top, other.top) + extra
    let shared = max(width, 0) * max(height, 0)
    return shared / max(area(one) + area(other) - shared, 1e-12)
  }

  private func area(_ box: Box) -> Double {
    max(box.right - box.left + extra, 0) * max(box.bottom - box.top + extra, 0)
  }

  private func oks(_ people: DecodedPeople, _ one: Int, _ other: Int) -> Double {
    let mean = max((boxArea(people, one) + boxArea(people, other)) / 2, 1)
    var sum = 0.0
    for ((a, b), variance) in zip(zip(people.points(of: one), people.points(of: other)), variances) {
      let squared = (b.x - a.x) * (b.x - a.x) + (b.y - a.y) * (b.y - a.y)
      sum += exp(-squared / (2 * variance * mean))
    }
    return sum / Double(variances.count)
  }

  private func boxArea(_ people: DecodedPeople, _ person: Int) -> Double {
    people.box(of: person).map { ($0.right - $0.left) * ($0.bottom - $0.top) } ?? 0
  }
}
