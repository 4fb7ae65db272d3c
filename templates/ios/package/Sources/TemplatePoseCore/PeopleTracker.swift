// SPDX-License-Identifier: Apache-2.0

/// Gives every person an id that stays the same from frame to frame.
///
/// Off unless the app makes one. Each track is looked for where its velocity has brought it, about there after a frame
/// without it, since who is half hidden seems to slow down, and where it was, for who stops unseen. Of all pairs of a person and a track the most similar one is matched first, of equal ones that of the
/// first person and the smallest id.
public struct PeopleTracker: Equatable, Sendable {
  /// What makes two people one: `oks` of the keypoints that both times are sure, or `iou` of the boxes.
  public enum Similarity: String, CaseIterable, Sendable { case oks, iou }

  /// One person as last seen.
  public struct Track: Equatable, Sendable {
    public let id: Int
    public let pose: Pose
    public let timeSeconds: Double
    /// Source px a second.
    public let velocity: Point

    /// The person moved on to a later time.
    func pose(at now: Double) -> Pose {
      let elapsed = now - timeSeconds
      return pose.moved(x: velocity.x * elapsed, y: velocity.y * elapsed)
    }
  }

  private struct Match {
    let person: Int
    let track: Int
    let alike: Double
  }

  public let similarity: Similarity
  /// Less similar people are never one.
  public let minSimilarity: Double
  /// Points with a lower score are not sure. What a score is worth differs from model to model: print those of people
  /// and of empty pictures, and choose between.
  public let minScore: Double
  /// For how long somebody who is not seen is remembered.
  public let maxAgeSeconds: Double
  /// How many people are remembered: who was seen longest ago is forgotten first, of those seen at once the largest id.
  public let maxTracks: Int
  /// Everybody who is remembered, by id.
  public private(set) var tracks: [Track] = []
  private let variances: [Double]
  private var nextId = 1
  private var lastSeconds = -Double.infinity  // of the last frame

  /// - Parameters:
  ///   - minSimilarity: nil for 0.2 of `oks`, 0.15 of `iou`.
  ///   - sigmas: spread of each keypoint, in the order of a pose's points; those of the contract unless given.
  public init(
    similarity: Similarity = .oks, minSimilarity: Double? = nil,
    minScore: Double = TemplatePoseContract.trackerMinScore, maxAgeSeconds: Double = 2, maxTracks: Int = 18,
    sigmas: [Double] = Keypoint.allCases.map(\.oksSigma)
  ) {
    self.similarity = similarity
    self.minSimilarity = minSimilarity ?? (similarity == .oks ? 0.2 : 0.15)
    self.minScore = minScore
    self.maxAgeSeconds = maxAgeSeconds
    self.maxTracks = maxTracks
    variances = sigmas.map { (2 * $0) * (2 * $0) }
  }

  /// The id of each pose; where time goes back everybody is new.
  /// - Parameters:
  ///   - poses: source px, with boxes where `similarity` is `iou`.
  ///   - timeSeconds: from some moment on.
  public mutating func update(_ poses: [Pose], timeSeconds: Double) -> [Int] {
    precondition(poses.allSatisfy { $0.points.count == variances.count }, "a pose has not a point a sigma")
    if tracks.contains(where: { $0.timeSeconds > timeSeconds }) { tracks = [] }
    let free = tracks.filter { timeSeconds - $0.timeSeconds <= maxAgeSeconds }
    let known = matched(poses, free, now: timeSeconds)
    var seen: [Track] = []
    for (person, pose) in poses.enumerated() {
      if let place = known[person] {
        seen.append(followed(free[place], pose, now: timeSeconds))
      } else {
        seen.append(Track(id: nextId, pose: pose, timeSeconds: timeSeconds, velocity: Point(x: 0, y: 0)))
        nextId += 1
      }
    }
    let left = free.indices.filter { !known.values.contains($0) }.map { free[$0] }
    let latest = (left + seen).sorted { (-$0.timeSeconds, $0.id) < (-$1.timeSeconds, $1.id) }
    tracks = latest.prefix(maxTracks).sorted { $0.id < $1.id }
    lastSeconds = timeSeconds
    return seen.map(\.id)
  }

  /// Forgets everybody; ids are not given again.
  public mutating func reset() {
    tracks = []
  }

  /// The place of the track of each person who has one: the most similar pair first.
  private func matched(_ poses: [Pose], _ free: [Track], now: Double) -> [Int: Int] {
    let moved = free.map { $0.pose(at: now) }
    var pairs: [Match] = []
    for (person, pose) in poses.enumerated() {
      for (track, last) in free.enumerated() {
        let about = alikeAbout(pose, moved[track], seen: last.timeSeconds, now: now)
        let alike = max(alike(pose, last.pose), about)
        if alike >= minSimilarity { pairs.append(Match(person: person, track: track, alike: alike)) }
      }
    }
    pairs.sort { (-$0.alike, $0.person, $0.track) < (-$1.alike, $1.person, $1.track) }
    var found: [Int: Int] = [:]
    var taken: Set<Int> = []
    for pair in pairs where found[pair.person] == nil && taken.insert(pair.track).inserted {
      found[pair.person] = pair.track
    }
    return found
  }

  /// The person with the track's id, and its velocity brought up to date by the points that are sure in both.
  private func followed(_ track: Track, _ pose: Pose, now: Double) -> Track {
    let elapsed = now - track.timeSeconds
    let both = zip(pose.points, track.pose.points).filter { $0.score >= minScore && $1.score >= minScore }
    var velocity = track.velocity
    if elapsed > 0, !both.isEmpty {
      let learnt = lowPassWeight(cutoff: Self.velocityCutoff, elapsed: elapsed)
      let x = both.reduce(0) { $0 + ($1.0.x - $1.1.x) } / Double(both.count) / elapsed
      let y = both.reduce(0) { $0 + ($1.0.y - $1.1.y) } / Double(both.count) / elapsed
      velocity = Point(x: velocity.x + learnt * (x - velocity.x), y: velocity.y + learnt * (y - velocity.y))
    }
    return Track(id: track.id, pose: pose, timeSeconds: now, velocity: velocity)
  }

  /// How alike a pose is to a track that was seen then and moved, elsewhere if the last frame was without it.
  private func alikeAbout(_ pose: Pose, _ moved: Pose, seen: Double, now: Double) -> Double {
    if seen >= lastSeconds { return alike(pose, moved) }
    let (away, size) = away(pose, moved)
    let length = (away.x * away.x + away.y * away.y).squareRoot()
    let reach = Self.drift * size * (now - seen)
    let part = length <= reach ? 1 : reach / length
    return alike(pose, moved.moved(x: away.x * part, y: away.y * part))
  }

  /// From a track to the pose, px, by what is compared, and the longer side of the track.
  private func away(_ pose: Pose, _ track: Pose) -> (Point, size: Double) {
    if similarity == .iou, let box = track.box, let own = pose.box {
      let x = (own.left - box.left + own.right - box.right) / 2
      let y = (own.top - box.top + own.bottom - box.bottom) / 2
      return (Point(x: x, y: y), max(box.right - box.left, box.bottom - box.top))
    }
    let sure = zip(pose.points, track.points).filter { $1.score >= minScore }
    let both = sure.filter { $0.0.score >= minScore }
    let (across, down) = (sure.map(\.1.x), sure.map(\.1.y))
    guard !both.isEmpty, let left = across.min(), let right = across.max(), let top = down.min(),
      let bottom = down.max()
    else { return (Point(x: 0, y: 0), 0) }
    let x = both.reduce(0) { $0 + ($1.0.x - $1.1.x) } / Double(both.count)
    let y = both.reduce(0) { $0 + ($1.0.y - $1.1.y) } / Double(both.count)
    return (Point(x: x, y: y), max(right - left, bottom - top))
  }

  private func alike(_ pose: Pose, _ other: Pose) -> Double {
    similarity == .oks ? oks(pose, other, variances: variances, minScore: minScore) : iou(pose.box, other.box)
  }

  private static let velocityCutoff = 1.0  // Hz: how fast a person's velocity is learnt
  private static let drift = 0.3  // sizes a second: how far from where they must be somebody may be who was not seen
}

extension Pose {
  /// The pose somewhere else, and its box with it.
  fileprivate func moved(x: Double, y: Double) -> Pose {
    let points = points.map { point in
      var moved = point
      moved.x += x
      moved.y += y
      return moved
    }
    let box = box.map { Box(left: $0.left + x, top: $0.top + y, right: $0.right + x, bottom: $0.bottom + y) }
    return Pose(points: points, confidence: confidence, box: box, region: region, world: world)
  }
}
