// SPDX-License-Identifier: Apache-2.0

import Foundation
import TemplatePoseCore
import Testing

@Suite struct ContractTests {
  @Test func keypointsAreWhole() {
    let all = Keypoint.allCases
    #expect(Set(all.map(\.name)).count == all.count)
    for keypoint in all {
      #expect(all[keypoint.index] == keypoint)
      #expect(keypoint.flipPartner.flipPartner == keypoint)
      #expect(keypoint.oksSigma > 0)
    }
  }

  @Test func hashIsSha256() {
    #expect(TemplatePoseContract.contractHash.count == 64)
    #expect(TemplatePoseContract.contractHash.allSatisfy { $0.isHexDigit })
  }

  @Test func poseIsReadByName() throws {
    let points = Keypoint.allCases.map { PosePoint(x: Double($0.index), y: 1, score: 0.5) }
    let region = try Region(center: Point(x: 0, y: 0), width: 1, height: 1)
    let pose = Pose(points: points, confidence: 0.5, region: region)
    for keypoint in Keypoint.allCases { #expect(pose[keypoint].x == Double(keypoint.index)) }
    #expect(pose.map(\.keypoint) == Keypoint.allCases)
    for (keypoint, point) in pose { #expect(point == pose[keypoint]) }
  }
}

@Suite struct TrackerTests {
  /// A person as wide as high, whose keypoints all have one score.
  private func pose(score: Double, x: Double = 0) throws -> Pose {
    let points = Keypoint.allCases.map {
      PosePoint(x: x + Double($0.index * 10), y: Double($0.index * 10), score: score)
    }
    return Pose(points: points, confidence: score, region: try Region(center: Point(x: 0, y: 0), width: 1, height: 1))
  }

  @Test func scoresThatTheModelCanReachAreFollowed() throws {
    let least = TemplatePoseContract.trackerMinScore
    #expect(least > 0 && least <= 0.3)
    var tracker = RegionTracker()
    let moves = Keypoint.allCases.count > 1  // one keypoint spans no region
    #expect((tracker.update(try pose(score: least)) != nil) == moves)
    #expect(tracker.update(try pose(score: least * 0.99)) == nil)
    #expect(tracker.update(try pose(score: .nan)) == nil)
    tracker.update(try pose(score: 1))
    tracker.reset()
    #expect(tracker.region == nil)
  }

  @Test func twoPeopleKeepTheirIds() throws {
    let (one, other) = (try pose(score: 1), try pose(score: 1, x: 5000))
    var tracker = PeopleTracker()
    #expect(tracker.update([one, other], timeSeconds: 1) == [1, 2])
    #expect(tracker.update([other, one], timeSeconds: 1.1) == [2, 1])
    #expect(tracker.update([], timeSeconds: 1.2).isEmpty)
    let unsure = try pose(score: TemplatePoseContract.trackerMinScore * 0.99)
    #expect(tracker.update([unsure, other], timeSeconds: 1.3) == [3, 2])
    tracker.reset()
    #expect(tracker.tracks.isEmpty)
    #expect(tracker.update([one], timeSeconds: 1.4) == [4])
  }

  @Test func smoothingKeepsAllElse() throws {
    let region = try Region(center: Point(x: 0, y: 0), width: 1, height: 1)
    let box = Box(left: 0, top: 1, right: 2, bottom: 3)
    let pose = Pose(points: try pose(score: 1).points, confidence: 0.7, box: box, region: region)
    var smoother = PeopleSmoother()
    _ = smoother.smooth([pose], ids: [3], timeSeconds: 1)
    let next = smoother.smooth([try self.pose(score: 0.5, x: 10), pose], ids: [3, 4], timeSeconds: 1.1)
    #expect(next[1] == pose)
    #expect(next[0].points.allSatisfy { $0.score == 0.5 })
    #expect(next[0].points[0].x > 0 && next[0].points[0].x < 10)
    _ = smoother.smooth([], ids: [], timeSeconds: 3.15)
    let later = smoother.smooth([try self.pose(score: 0.5, x: 20)], ids: [3], timeSeconds: 3.2)
    #expect(later == [try self.pose(score: 0.5, x: 20)])  // who is not seen for two seconds is forgotten
  }
}

@Suite struct OrientationTests {
  /// Where the stored pixel (0, 0) of a 3 x 2 picture is seen, by EXIF value: that is how EXIF defines them.
  @Test(arguments: [
    (1, 0.0, 0.0), (2, 2, 0), (3, 2, 1), (4, 0, 1), (5, 0, 0), (6, 1, 0), (7, 1, 2), (8, 0, 2),
  ])
  func exifCorner(exif: Int, x: Double, y: Double) throws {
    let orientation = try Orientation(exifValue: exif)
    let stored = PixelSize(width: 3, height: 2)
    let upright = uprightSize(storedSize: stored, orientation: orientation)
    #expect(upright.width == (exif < 5 ? 3 : 2))
    let matrix = storedIndexMatrix(storedSize: stored, orientation: orientation)
    #expect(matrix.apply(Point(x: x, y: y)) == Point(x: 0, y: 0))
  }

  @Test func otherValuesAreRefused() {
    #expect(throws: PoseError.invalidOrientation(0)) { try Orientation(exifValue: 0) }
    #expect(throws: PoseError.invalidOrientation(9)) { try Orientation(exifValue: 9) }
    #expect(throws: PoseError.invalidOrientation(45)) { try Orientation(rotationDegrees: 45) }
  }
}

@Suite struct PoseErrorTests {
  @Test(arguments: [
    (PoseError.modelMissing("a.mlpackage"), "a.mlpackage"),
    (.modelUnusable("broken"), "broken"),
    (.contractMismatch(expected: "abc", found: nil), "not stated"),
    (.contractMismatch(expected: "abc", found: "def"), "def"),
    (.tensorMissing("heat"), "heat"),
    (.wrongShape(tensor: "heat", expected: [1, 2], found: [1, 3]), "[1, 3], expected [1, 2]"),
    (.wrongType(tensor: "heat", found: "Int32"), "Int32"),
    (.wrongSetting(name: "ratio", expected: "a number", found: "true"), "ratio is true, expected a number"),
    (.wrongSetting(name: "ratio", expected: "a number", found: nil), "ratio is missing"),
    (.nonFinite(tensor: "heat", index: 7), "7"),
    (.notOnePerson(found: 3), "found 3 people, expected one"),
    (.invalidRegion("too small"), "too small"),
    (.invalidOrientation(45), "45"),
    (.emptyImage(width: 0, height: 9), "0 x 9"),
    (.unreadablePixels("short"), "short"),
    (.unsupportedPixelFormat("420v"), "420v"),
    (.predictionFailed("out of memory"), "out of memory"),
    (.closed, "close()"),
  ])
  func textSaysWhatWasSeen(error: PoseError, part: String) {
    #expect(error.errorDescription?.contains(part) == true)
    #expect(error.localizedDescription == error.errorDescription)
  }

  @Test func pixelFormatsHaveNames() {
    #expect(fourCharacterName(0x3432_3076) == "420v")
    #expect(fourCharacterName(32) == "32")
  }
}
