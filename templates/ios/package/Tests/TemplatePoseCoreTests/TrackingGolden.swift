// SPDX-License-Identifier: Apache-2.0

import Foundation
import TemplatePoseCore

struct TrackingCase: Decodable {
  let timeSeconds: Double
  let keypoints: [Double]
  let scores: [Double]
  let smoothed: [Double]
  let region: RegionCase?
  let torso: TorsoCase
  let points: PointsCase
  let view: ViewCase

  var keypointPoints: [PosePoint] {
    scores.indices.map {
      PosePoint(x: keypoints[$0 * 2], y: keypoints[$0 * 2 + 1], score: scores[$0])
    }
  }
}

/// A person of shoulders, hips and more, and the square in which to look next.
struct TorsoCase: Decodable {
  let sourceSizeWh: [Int]
  let keypoints: [Double]
  let scores: [Double]
  let region: RegionCase

  func difference() throws -> Double {
    let points = scores.indices.map {
      PosePoint(x: keypoints[$0 * 2], y: keypoints[$0 * 2 + 1], score: scores[$0])
    }
    var tracker = TorsoTracker(leftShoulder: 0, rightShoulder: 1, leftHip: 2, rightHip: 3)
    let size = PixelSize(width: sourceSizeWh[0], height: sourceSizeWh[1])
    let anywhere = try Region(center: Point(x: 0, y: 0), width: 1, height: 1)
    let found = try tracker.update(Pose(points: points, confidence: 1, region: anywhere), sourceSize: size)
    return region.difference(found)
  }
}

/// Two points among three, and the region that comes from them; nil where none does.
struct PointsCase: Decodable {
  let points: [Double]
  let first: Int
  let second: Int
  let scale: Double
  let shift: Double
  let targetDegrees: Double
  let boxXyxy: [Double]?
  let region: RegionCase?

  func difference() -> Double {
    let rule = PointsRule(first: first, second: second, scale: scale, shift: shift, targetDegrees: targetDegrees)
    let places = stride(from: 0, to: points.count, by: 2).map { Point(x: points[$0], y: points[$0 + 1]) }
    let box = boxXyxy.map { Box(left: $0[0], top: $0[1], right: $0[2], bottom: $0[3]) }
    let found = regionFromPoints(places, rule: rule, box: box)
    guard let found, let region else { return (found == nil) == (region == nil) ? 0 : .infinity }
    return region.difference(found)
  }
}

/// A point of a picture, and where it is seen in a view that shows the picture.
struct ViewCase: Decodable {
  let pictureWh: [Int]
  let viewWh: [Double]
  let fit: String
  let mirrored: Bool
  let pixelCenter: Double
  let point: [Double]
  let inView: [Double]

  /// Of the way there, and of that back.
  func difference() throws -> Double {
    let mapping = ViewMapping(
      picture: PixelSize(width: pictureWh[0], height: pictureWh[1]), viewWidth: viewWh[0], viewHeight: viewWh[1],
      fit: try known(fit), mirrored: mirrored, pixelCenter: pixelCenter)
    let there = mapping.toView(Point(x: point[0], y: point[1]))
    let back = mapping.toPicture(Point(x: inView[0], y: inView[1]))
    return max(largestDifference([there.x, there.y], inView), largestDifference([back.x, back.y], point))
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
  var filter = OneEuroFilter(minCutoff: 0.8, beta: 2)
  let anywhere = try Region(center: Point(x: 0, y: 0), width: 1, height: 1)
  for item in try read("tracking.json", TrackingCase.self, folder: folder) {
    errors.cases += 1
    let found = tracker.update(Pose(points: item.keypointPoints, confidence: 1, region: anywhere))
    if let found, let expected = item.region {
      errors.region = max(errors.region, expected.difference(found))
    } else if (found == nil) != (item.region == nil) {
      errors.region = .infinity
    }
    errors.region = max(
      errors.region, try item.torso.difference(), item.points.difference(), try item.view.difference())
    let smoothed = filter.smooth(item.keypointPoints, timeSeconds: item.timeSeconds)
    errors.smoothed = max(
      errors.smoothed, largestDifference(smoothed.flatMap { [$0.x, $0.y] }, item.smoothed))
  }
  return errors
}
