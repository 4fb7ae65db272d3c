// SPDX-License-Identifier: Apache-2.0

import Foundation
import TemplatePoseCore

struct PeopleCase: Decodable {
  let similarity: String
  /// Whether a clip begins.
  let starts: Bool
  let timeSeconds: Double
  let people: Int
  let keypointCount: Int
  let keypoints: [Double]
  let scores: [Double]
  let boxesXyxy: [Double]
  let ids: [Int]
  let smoothed: [Double]

  func poses() throws -> [Pose] {
    let anywhere = try Region(center: Point(x: 0, y: 0), width: 1, height: 1)
    let count = scores.count / max(people, 1)
    return (0..<people).map { person in
      let points = (person * count..<(person + 1) * count).map {
        PosePoint(x: keypoints[$0 * 2], y: keypoints[$0 * 2 + 1], score: scores[$0])
      }
      let corners = boxesXyxy[person * 4..<person * 4 + 4].map { $0 }
      let box = Box(left: corners[0], top: corners[1], right: corners[2], bottom: corners[3])
      return Pose(points: points, confidence: 1, box: box, region: anywhere)
    }
  }
}

struct PeopleErrors: Encodable {
  var cases = 0
  /// Cases with other ids.
  var ids = 0
  var smoothed = 0.0
}

func checkPeople(folder: URL) throws -> PeopleErrors {
  var errors = PeopleErrors()
  var tracker = PeopleTracker()
  var smoother = PeopleSmoother()
  for item in try read("people.json", PeopleCase.self, folder: folder) {
    errors.cases += 1
    if item.starts {
      tracker = PeopleTracker(
        similarity: try known(item.similarity), minScore: 0.3, maxTracks: 4,
        sigmas: Array(repeating: 0.08, count: item.keypointCount))
      smoother = PeopleSmoother(minCutoff: 0.8, beta: 2)
    }
    let poses = try item.poses()
    let ids = tracker.update(poses, timeSeconds: item.timeSeconds)
    if ids != item.ids { errors.ids += 1 }
    let smoothed = smoother.smooth(poses, ids: item.ids, timeSeconds: item.timeSeconds)
    errors.smoothed = max(
      errors.smoothed, largestDifference(smoothed.flatMap { $0.points.flatMap { [$0.x, $0.y] } }, item.smoothed))
  }
  return errors
}
