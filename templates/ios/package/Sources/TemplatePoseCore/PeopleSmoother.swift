// SPDX-License-Identifier: Apache-2.0

/// A One-Euro filter for each tracked person, forgotten after `maxAgeSeconds` without them. Off unless the app makes one.
public struct PeopleSmoother: Equatable, Sendable {
  private struct Entry: Equatable {
    var filter: OneEuroFilter
    var timeSeconds: Double

    mutating func smooth(_ pose: Pose, timeSeconds: Double) -> Pose {
      self.timeSeconds = timeSeconds
      return filter.smooth(pose, timeSeconds: timeSeconds)
    }
  }

  /// Hz; lower is smoother at rest.
  public let minCutoff: Double
  /// Hz per size of the person a second; higher lags less in motion.
  public let beta: Double
  /// Hz.
  public let derivativeCutoff: Double
  /// For how long somebody who is not seen is remembered.
  public let maxAgeSeconds: Double
  private var entries: [Int: Entry] = [:]

  public init(
    minCutoff: Double = 0.5, beta: Double = 5, derivativeCutoff: Double = 1, maxAgeSeconds: Double = 2
  ) {
    self.minCutoff = minCutoff
    self.beta = beta
    self.derivativeCutoff = derivativeCutoff
    self.maxAgeSeconds = maxAgeSeconds
  }

  /// The poses with smoothed points; all else stays.
  /// - Parameters:
  ///   - poses: source px.
  ///   - ids: one a pose, as `PeopleTracker.update` gives them.
  ///   - timeSeconds: from some moment on; where it goes back, a filter starts anew.
  public mutating func smooth(_ poses: [Pose], ids: [Int], timeSeconds: Double) -> [Pose] {
    precondition(ids.count == poses.count, "\(poses.count) poses have \(ids.count) ids")
    let filter = OneEuroFilter(minCutoff: minCutoff, beta: beta, derivativeCutoff: derivativeCutoff)
    let new = Entry(filter: filter, timeSeconds: timeSeconds)
    let smoothed = zip(poses, ids).map { pose, id in
      entries[id, default: new].smooth(pose, timeSeconds: timeSeconds)
    }
    for (id, entry) in entries where !(timeSeconds - entry.timeSeconds <= maxAgeSeconds) { entries[id] = nil }
    return smoothed
  }

  /// Forgets everybody.
  public mutating func reset() {
    entries = [:]
  }
}
