// SPDX-License-Identifier: Apache-2.0

import Foundation
import TemplatePoseCore

/// One frame of a clip of people who are followed; the first of a clip has its rule.
struct FollowingCase: Decodable {
  let rule: RuleCase?
  let wantsDetection: Bool
  let candidates: PeopleOfCase?
  let detected: [RegionCase]?
  let regions: [RegionCase]
  let boxesXyxy: [[Double]]
  let poses: [PeopleOfCase]
  let people: [Int]
  let next: [RegionCase?]
}

struct RuleCase: Decodable {
  let sizeWh: [Int]
  let padding: Double
  let sigmas: [Double]
  let minScore: Double
  let points: PointsRuleCase?
  let nextPoints: PointsRuleCase?
  let margin: Double
  let maxPeople: Int
  let detectEvery: Int
  let minOverlap: Double
  let maxAlike: Double

  var rule: FollowingRule {
    FollowingRule(
      size: PixelSize(width: sizeWh[0], height: sizeWh[1]), padding: padding, sigmas: sigmas, minScore: minScore,
      points: points?.rule, pointsAboutBox: points?.aboutBox ?? false, nextPoints: nextPoints?.rule,
      nextPointsAboutBox: nextPoints?.aboutBox ?? false, margin: margin, maxPeople: maxPeople,
      detectEvery: detectEvery, minOverlap: minOverlap, maxAlike: maxAlike)
  }
}

struct PointsRuleCase: Decodable {
  let first: Int
  let second: Int
  let scale: Double
  let shift: Double
  let targetDegrees: Double
  let aboutBox: Bool
  let withSecond: [Int]
  let among: [Int]

  var rule: PointsRule {
    PointsRule(
      first: first, second: second, scale: scale, shift: shift, targetDegrees: targetDegrees, withSecond: withSecond,
      among: among)
  }
}

/// People of a frame, or the one of a region, or nobody.
struct PeopleOfCase: Decodable {
  let people: Int
  let keypoints: [Double]
  let scores: [Double]
  let boxesXyxy: [Double]?

  func poses() throws -> [Pose] {
    let anywhere = try Region(center: Point(x: 0, y: 0), width: 1, height: 1)
    let each = people == 0 ? 0 : scores.count / people
    return (0..<people).map { one in
      let points = (one * each..<(one + 1) * each).map {
        PosePoint(x: keypoints[$0 * 2], y: keypoints[$0 * 2 + 1], score: scores[$0])
      }
      let box = boxesXyxy.map {
        Box(left: $0[4 * one], top: $0[4 * one + 1], right: $0[4 * one + 2], bottom: $0[4 * one + 3])
      }
      return Pose(points: points, confidence: 1, box: box, region: anywhere)
    }
  }
}

/// How many frames detect otherwise or show other people, and what a region is off by, px.
struct FollowingErrors: Encodable {
  var cases = 0
  var others = 0
  var region = 0.0

  mutating func compare(_ found: [Region?], _ expected: [RegionCase?]) {
    if found.count != expected.count { others += 1 }
    for (one, other) in zip(found, expected) {
      guard let one, let other else {
        region = (one == nil) == (other == nil) ? region : .infinity
        continue
      }
      region = max(region, other.difference(one))
    }
  }

  mutating func compare(_ found: [Box], _ expected: [[Double]]) {
    for (one, other) in zip(found, expected) {
      for (value, wanted) in zip([one.left, one.top, one.right, one.bottom], other) {
        region = max(region, abs(value - wanted))
      }
    }
  }
}

func checkFollowing(folder: URL) throws -> FollowingErrors {
  var errors = FollowingErrors()
  let cases = try read("following.json", FollowingCase.self, folder: folder)
  guard var rule = cases.first?.rule?.rule else { throw BadGolden("the first frame has no rule") }
  var follower = PeopleFollower(rule: rule)
  for item in cases {
    errors.cases += 1
    if let own = item.rule?.rule {
      rule = own
      follower = PeopleFollower(rule: rule)
    }
    if follower.wantsDetection != item.wantsDetection { errors.others += 1 }
    var detected: [Region]?
    if let candidates = item.candidates {
      let found = detectedRegions(try candidates.poses(), rule: rule)
      errors.compare(found, item.detected ?? [])
      detected = found
    }
    let regions = follower.regions(detected: detected)
    errors.compare(regions, item.regions)
    errors.compare(regions.map { $0.personBox(padding: rule.padding) }, item.boxesXyxy)
    let seen = try item.poses.map { try $0.poses().first }
    errors.compare(seen.map { $0.flatMap { followedRegion($0, rule: rule) } }, item.next)
    if follower.follow(seen) != item.people { errors.others += 1 }
  }
  return errors
}
