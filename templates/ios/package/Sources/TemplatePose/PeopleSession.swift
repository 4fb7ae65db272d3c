// SPDX-License-Identifier: Apache-2.0

#if canImport(CoreML)
  import TemplatePoseCore

  /// Two stages: a detector finds people, and the pose model looks at each of them; belongs to one thread at a time.
  package final class PeopleSession {
    /// The pose model alone.
    package let pose: Session
    private let detector: Session
    private let rule: FollowingRule
    private var follower: PeopleFollower
    private var form: FrameForm?  // of the last frame

    package init(detector: Session, pose: Session, rule: FollowingRule) {
      self.detector = detector
      self.pose = pose
      self.rule = rule
      follower = PeopleFollower(rule: rule)
    }

    /// How long the steps of both models took so far.
    var spent: StepTimes { detector.spent + pose.spent }

    /// The people in a picture of its own.
    func estimate(_ pixels: PixelView, orientation: Orientation) throws -> [Pose] {
      var alone = PeopleFollower(rule: rule)
      return try look(pixels, orientation, &alone)
    }

    /// The people in the next frame; those of the frame before are looked for where they were.
    ///
    /// They are forgotten where the frame has another size or orientation, and where it comes to an error.
    func follow(_ pixels: PixelView, orientation: Orientation) throws -> [Pose] {
      let now = FrameForm(size: pixels.size, orientation: orientation)
      if now != form { follower.reset() }
      form = now
      do {
        return try look(pixels, orientation, &follower)
      } catch {
        follower.reset()  // it may be in the middle of the frame
        throw error
      }
    }

    /// Forgets whom `follow` follows.
    func forget() {
      follower.reset()
    }

    private func look(
      _ pixels: PixelView, _ orientation: Orientation, _ follower: inout PeopleFollower
    ) throws -> [Pose] {
      var detected: [Region]?
      if follower.wantsDetection {
        let prepared = try detector.prepare(pixels, orientation: orientation, region: nil)
        detected = detectedRegions(try detector.run(prepared), rule: rule)
      }
      let poses = try follower.regions(detected: detected).map { region -> Pose? in
        try pose.run(try pose.prepare(pixels, orientation: orientation, region: region)).first
      }
      return follower.follow(poses).compactMap { poses[$0] }
    }
  }

  /// What must stay the same from frame to frame, else places of the frame before are none of the next: px as stored.
  struct FrameForm: Equatable {
    let size: PixelSize
    let orientation: Orientation
  }
#endif
