// SPDX-License-Identifier: Apache-2.0

extension DecodedPeople {
  /// Adds a person of whom the network found some keypoints, at least one.
  ///
  /// A keypoint that was not found has score 0 and lies in the middle of those that were: its place says nothing, but
  /// nothing that draws, tracks or averages meets a hole. The box is the extent of those that were found.
  /// - Parameter keypoints: in the contract's order, input px; nil where the keypoint was not found.
  mutating func appendPartial(_ keypoints: [PosePoint?], confidence: Double) {
    let found = keypoints.compactMap { $0 }
    guard let first = found.first else { return }
    var (left, top, right, bottom) = (first.x, first.y, first.x, first.y)
    var (sumX, sumY) = (0.0, 0.0)
    for point in found {
      (left, top) = (min(left, point.x), min(top, point.y))
      (right, bottom) = (max(right, point.x), max(bottom, point.y))
      (sumX, sumY) = (sumX + point.x, sumY + point.y)
    }
    let middle = PosePoint(x: sumX / Double(found.count), y: sumY / Double(found.count), z: nil, score: 0)
    for keypoint in keypoints { append(keypoint ?? middle) }
    endPerson(confidence: confidence, box: Box(left: left, top: top, right: right, bottom: bottom))
  }
}
