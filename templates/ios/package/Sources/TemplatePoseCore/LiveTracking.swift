// SPDX-License-Identifier: Apache-2.0

/// What lies between two frames of a camera: who is who, each one calmed, and where a model of one person looks next.
public struct LiveTracking: Equatable, Sendable {
  private var regionTracker: RegionTracker?
  private var tracker = PeopleTracker()
  private var smoother = PeopleSmoother()

  /// - Parameter findsOne: whether the model looks for one person, whom the next frame is searched for where they were.
  public init(findsOne: Bool = TemplatePoseContract.findsOne) {
    regionTracker = findsOne ? RegionTracker() : nil
  }

  /// Where to look in the next frame; nil for everywhere.
  public var region: Region? { regionTracker?.region }

  /// The people of the next frame with their ids, in the order of `poses`.
  public mutating func update(_ poses: [Pose], timeSeconds: Double, isSmoothing: Bool = true) -> [LivePerson] {
    if let pose = poses.first { regionTracker?.update(pose) } else { regionTracker?.reset() }
    let ids = tracker.update(poses, timeSeconds: timeSeconds)
    // also where it is not asked for, so that it can be any time
    let calmed = smoother.smooth(poses, ids: ids, timeSeconds: timeSeconds)
    return zip(ids, isSmoothing ? calmed : poses).map { LivePerson(id: $0, pose: $1) }
  }

  /// Forgets everybody.
  public mutating func reset() {
    regionTracker?.reset()
    tracker.reset()
    smoother.reset()
  }
}
