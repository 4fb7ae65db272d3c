// SPDX-License-Identifier: Apache-2.0

extension DetectionsDecoder {
  /// The mean of candidates that are one person, weighed by their confidences; scores are the best one's.
  struct Mean {
    let confidence: Double
    private var sum = 0.0
    private var corners = (left: 0.0, top: 0.0, right: 0.0, bottom: 0.0)
    private var sums: [PosePoint]

    init(of best: Candidate, _ points: [PosePoint]) {
      confidence = best.confidence
      sums = points.map { PosePoint(x: 0, y: 0, score: $0.score) }
    }

    mutating func add(_ box: Box, _ points: [PosePoint], weight: Double) {
      sum += weight
      corners.left += weight * box.left
      corners.top += weight * box.top
      corners.right += weight * box.right
      corners.bottom += weight * box.bottom
      for (at, point) in points.enumerated() {
        let old = sums[at]
        sums[at] = PosePoint(x: old.x + weight * point.x, y: old.y + weight * point.y, score: old.score)
      }
    }

    var box: Box {
      Box(left: corners.left / sum, top: corners.top / sum, right: corners.right / sum, bottom: corners.bottom / sum)
    }

    var points: [PosePoint] { sums.map { PosePoint(x: $0.x / sum, y: $0.y / sum, score: $0.score) } }
  }
}
