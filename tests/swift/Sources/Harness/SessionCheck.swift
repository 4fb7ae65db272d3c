// SPDX-License-Identifier: Apache-2.0

import TinyPoseCore

/// A clip through `PeopleSession`: frames, and those after which the detector had not looked as often as it should, or
/// that gave another number of people or another error.
struct SessionErrors: Encodable {
  var cases = 0
  var others = 0
}

/// One frame: what is done before it, its size, and what should come of it.
private struct Frame {
  var width = 80
  var orientation = Orientation.upright
  var forgets = false
  var isAlone = false
  var failing: String?
  let detections: Int  // so far
}

private let clip: [Frame] = [
  Frame(detections: 1), Frame(detections: 1),  // who was found is followed
  Frame(failing: "pose", detections: 1), Frame(detections: 2), Frame(detections: 2),  // after a failure all begins anew
  Frame(width: 64, detections: 3), Frame(width: 64, detections: 3),  // and in a frame of another size
  Frame(detections: 4), Frame(detections: 4), Frame(forgets: true, detections: 5),
  Frame(isAlone: true, detections: 6), Frame(detections: 6),  // a picture of its own is no frame
  Frame(forgets: true, failing: "detector", detections: 7), Frame(detections: 8), Frame(detections: 8),
]

func checkSession() throws -> SessionErrors {
  let (detector, pose) = (Session("detector"), Session("pose"))
  let rule = FollowingRule(
    size: PixelSize(width: 32, height: 32), padding: 1.25, sigmas: [0.1, 0.1], minScore: 0.3, points: nil)
  let session = PeopleSession(detector: detector, pose: pose, rule: rule)
  var errors = SessionErrors()
  let turned = try Orientation(rotationDegrees: 180)
  for frame in clip + [Frame(orientation: turned, detections: 9), Frame(orientation: turned, detections: 9)] {
    if frame.forgets { session.forget() }
    for one in [detector, pose] { one.fails = one.network == frame.failing }
    var (people, failure) = (0, String?.none)
    do {
      people = try withPixels(width: frame.width) {
        try frame.isAlone
          ? session.estimate($0, orientation: frame.orientation) : session.follow($0, orientation: frame.orientation)
      }.count
    } catch let error as Session.Failure {
      failure = error.network
    }
    errors.cases += 1
    let isRight = failure == frame.failing && (failure != nil || people == 1) && detector.looks == frame.detections
    errors.others += isRight ? 0 : 1
  }
  return errors
}

private func withPixels<Result>(width: Int, _ use: (PixelView) throws -> Result) throws -> Result {
  try [UInt8](repeating: 90, count: width * 60 * 3).withUnsafeBytes {
    try use(PixelView($0, width: width, height: 60, bytesPerRow: width * 3, order: .rgb))
  }
}
