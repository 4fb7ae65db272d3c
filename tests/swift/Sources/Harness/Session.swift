// SPDX-License-Identifier: Apache-2.0

import TinyPoseCore

/// What stands for a network in `PeopleSession`: it finds one person where it looks, or fails where it is told to.
package final class Session {
  struct Failure: Error, Equatable {
    let network: String
  }

  let network: String
  var fails = false
  let spent = StepTimes()
  private(set) var looks = 0

  package init(_ network: String) {
    self.network = network
  }

  func prepare(_ pixels: PixelView, orientation: Orientation, region: Region?) throws -> Region {
    try region ?? Region(center: Point(x: 40, y: 30), width: 20, height: 20)
  }

  func run(_ prepared: Region) throws -> [Pose] {
    looks += 1
    if fails { throw Failure(network: network) }
    let (x, y, half) = (prepared.center.x, prepared.center.y, prepared.width / 4)
    let points = [-half, half].map { PosePoint(x: x + $0, y: y + $0, score: 0.9) }
    let box = Box(left: x - half, top: y - half, right: x + half, bottom: y + half)
    return [Pose(points: points, confidence: 0.9, box: box, region: prepared)]
  }
}
