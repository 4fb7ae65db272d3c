// SPDX-License-Identifier: Apache-2.0

import Foundation
import TemplatePoseCore

struct TrackingCase: Decodable {
  let timeSeconds: Double
  let keypoints: [Double]
  let scores: [Double]
  let smoothed: [Double]
  let region: RegionCase?

  var points: [PosePoint] {
    scores.indices.map {
      PosePoint(x: keypoints[$0 * 2], y: keypoints[$0 * 2 + 1], score: scores[$0])
    }
  }
}

struct TrackingErrors: Encodable {
  var cases = 0
  var region = 0.0
  var smoothed = 0.0
}

func checkTracking(folder: URL) throws -> TrackingErrors {
  var errors = TrackingErrors()
  let input = InputSpec(
    size: PixelSize(width: 96, height: 128), resize: .affineCrop, boxPadding: 1.25, padValue: 0,
    alignment: .halfPixel)
  var tracker = RegionTracker(minScore: 0.3, input: input)
  var filter = OneEuroFilter(minCutoff: 0.8, beta: 0.02)
  let anywhere = try Region(center: Point(x: 0, y: 0), width: 1, height: 1)
  for item in try read("tracking.json", TrackingCase.self, folder: folder) {
    errors.cases += 1
    let found = tracker.update(Pose(points: item.points, confidence: 1, region: anywhere))
    if let found, let expected = item.region {
      errors.region = max(errors.region, expected.difference(found))
    } else if (found == nil) != (item.region == nil) {
      errors.region = .infinity
    }
    let smoothed = filter.smooth(item.points, timeSeconds: item.timeSeconds)
    errors.smoothed = max(
      errors.smoothed, largestDifference(smoothed.flatMap { [$0.x, $0.y] }, item.smoothed))
  }
  return errors
}
