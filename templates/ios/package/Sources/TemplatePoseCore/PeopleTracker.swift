// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Gives every person an id that stays the same from frame to frame.
///
/// Off unless the app makes one. A person takes the id of the most similar track that nobody before took; of equally
/// similar ones the smallest. The rules are those of the trackers of TensorFlow.js' pose detection.
public struct PeopleTracker: Equatable, Sendable {
  /// What makes two people one: `oks` of the keypoints that both times are sure, or `iou` of the boxes.
  public enum Similarity: String, CaseIterable, Sendable { case oks, iou }

  /// One person as last seen.
  public struct Track: Equatable, Sendable {
    public let id: Int
    public let pose: Pose
    public let timeSeconds: Double
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

  /// - Parameters:
  ///   - minSimilarity: nil for 0.2 of `oks`, 0.15 of `iou`.
  ///   - sigmas: spread of each keypoint, in the order of a pose's points; those of the contract unless given.
  public init(
    similarity: Similarity = .oks, minSimilarity: Double? = nil,
    minScore: Double = TemplatePoseContract.trackerMinScore, maxAgeSeconds: Double = 1, maxTracks: Int = 18,
    sigmas: [Double] = Keypoint.allCases.map(\.oksSigma)
  ) {
    self.similarity = similarity
    self.minSimilarity = minSimilarity ?? (similarity == .oks ? 0.2 : 0.15)
    self.minScore = minScore
    self.maxAgeSeconds = maxAgeSeconds
    self.maxTracks = maxTracks
    variances = sigmas.map { (2 * $0) * (2 * $0) }
  }

  /// The id of each pose, of which the first ones choose first; where time goes back everybody is new.
  /// - Parameters:
  ///   - poses: source px, with boxes where `similarity` is `iou`.
  ///   - timeSeconds: from some moment on.
  public mutating func update(_ poses: [Pose], timeSeconds: Double) -> [Int] {
    precondition(poses.allSatisfy { $0.points.count == variances.count }, "a pose has not a point a sigma")
    if tracks.contains(where: { $0.timeSeconds > timeSeconds }) { tracks = [] }
    var free = tracks.filter { timeSeconds - $0.timeSeconds <= maxAgeSeconds }
    var seen: [Track] = []
    for pose in poses {
      let id: Int
      if let known = mostSimilar(to: pose, among: free) {
        id = free.remove(at: known).id
      } else {
        id = nextId
        nextId += 1
      }
      seen.append(Track(id: id, pose: pose, timeSeconds: timeSeconds))
    }
    let latest = (free + seen).sorted { (-$0.timeSeconds, $0.id) < (-$1.timeSeconds, $1.id) }
    tracks = latest.prefix(maxTracks).sorted { $0.id < $1.id }
    return seen.map(\.id)
  }

  /// Forgets everybody; ids are not given again.
  public mutating func reset() {
    tracks = []
  }

  private func mostSimilar(to pose: Pose, among free: [Track]) -> Int? {
    var best = minSimilarity
    var found: Int?
    for (place, track) in free.enumerated() {
      let alike =
        similarity == .oks
        ? oks(pose, track.pose, variances: variances, minScore: minScore) : iou(pose.box, track.pose.box)
      if alike > best || (alike == best && found == nil) { (best, found) = (alike, place) }
    }
    return found
  }
}

/// How alike `pose` is to `last`, over the points that are sure in both; 0 where those are too few.
/// - Parameter variances: one a point, of twice the keypoint's sigma.
func oks(_ pose: Pose, _ last: Pose, variances: [Double], minScore: Double) -> Double {
  var (left, top) = (Double.infinity, Double.infinity)
  var (right, bottom) = (-Double.infinity, -Double.infinity)
  var both = 0
  for (now, then) in zip(pose.points, last.points) where then.score >= minScore {
    (left, right) = (min(left, then.x), max(right, then.x))
    (top, bottom) = (min(top, then.y), max(bottom, then.y))
    if now.score >= minScore { both += 1 }
  }
  guard both > 0, both >= min(minimumKeypoints, pose.points.count) else { return 0 }
  let area = (right - left) * (bottom - top) + 1e-6
  var sum = 0.0
  for ((now, then), variance) in zip(zip(pose.points, last.points), variances)
  where now.score >= minScore && then.score >= minScore {
    let squared = (now.x - then.x) * (now.x - then.x) + (now.y - then.y) * (now.y - then.y)
    sum += exp(-squared / (2 * area * variance))
  }
  return sum / Double(both)
}

/// Intersection over union of two boxes; 0 where both are empty, or one is not there.
func iou(_ one: Box?, _ other: Box?) -> Double {
  guard let one, let other else { return 0 }
  let width = min(one.right, other.right) - max(one.left, other.left)
  let height = min(one.bottom, other.bottom) - max(one.top, other.top)
  let shared = max(width, 0) * max(height, 0)
  return shared / max(area(one) + area(other) - shared, 1e-12)
}

private func area(_ box: Box) -> Double {
  max(box.right - box.left, 0) * max(box.bottom - box.top, 0)
}
