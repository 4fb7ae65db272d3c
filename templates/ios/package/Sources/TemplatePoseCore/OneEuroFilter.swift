// SPDX-License-Identifier: Apache-2.0

/// Smooths keypoints over time: slow motion strongly, fast motion little.
///
/// Off unless the app makes one; one for every person. Source: Casiez, Roussel, Vogel 2012.
public struct OneEuroFilter: Equatable, Sendable {
  /// Hz; lower is smoother at rest.
  public let minCutoff: Double
  /// Hz per size of the person a second; higher lags less in motion. The size is the longer side of the box around the
  /// points, so that near and far people are smoothed alike.
  public let beta: Double
  /// Hz.
  public let derivativeCutoff: Double
  private var time = Double.nan
  private var points: [PosePoint] = []
  private var derivatives: [PosePoint] = []

  public init(minCutoff: Double = 0.5, beta: Double = 5, derivativeCutoff: Double = 1) {
    self.minCutoff = minCutoff
    self.beta = beta
    self.derivativeCutoff = derivativeCutoff
  }

  /// The pose with smoothed points; all else stays. Time must go forward, else the filter starts
  /// anew.
  public mutating func smooth(_ pose: Pose, timeSeconds: Double) -> Pose {
    Pose(
      points: smooth(pose.points, timeSeconds: timeSeconds), confidence: pose.confidence, box: pose.box,
      region: pose.region, world: pose.world)
  }

  /// The smoothed points, in the px that they are given in.
  public mutating func smooth(_ next: [PosePoint], timeSeconds: Double) -> [PosePoint] {
    let elapsed = timeSeconds - time
    time = timeSeconds
    guard elapsed > 0, isOfSameShape(next) else {
      points = next
      derivatives = next.map { PosePoint(x: 0, y: 0, z: $0.z.map { _ in 0 }, score: 0) }
      return next
    }
    let settings = Settings(
      minCutoff: minCutoff, beta: beta / size(of: next),
      derivativeWeight: lowPassWeight(cutoff: derivativeCutoff, elapsed: elapsed), elapsed: elapsed)
    for (index, point) in next.enumerated() {
      points[index].score = point.score
      points[index].visibility = point.visibility
      points[index].presence = point.presence
      settings.step(&points[index].x, derivative: &derivatives[index].x, to: point.x)
      settings.step(&points[index].y, derivative: &derivatives[index].y, to: point.y)
      if let depth = point.z, var value = points[index].z, var derivative = derivatives[index].z {
        settings.step(&value, derivative: &derivative, to: depth)
        points[index].z = value
        derivatives[index].z = derivative
      }
    }
    return points
  }

  /// Forgets all that was seen.
  public mutating func reset() {
    time = .nan
  }

  private func isOfSameShape(_ next: [PosePoint]) -> Bool {
    next.count == points.count && zip(next, points).allSatisfy { ($0.z == nil) == ($1.z == nil) }
  }
}

/// How one coordinate is smoothed in one frame.
private struct Settings {
  let minCutoff: Double
  let beta: Double
  let derivativeWeight: Double
  let elapsed: Double

  func step(_ value: inout Double, derivative: inout Double, to next: Double) {
    derivative += derivativeWeight * ((next - value) / elapsed - derivative)
    let cutoff = minCutoff + beta * abs(derivative)
    value += lowPassWeight(cutoff: cutoff, elapsed: elapsed) * (next - value)
  }
}

private let sizeOfAPoint = 100.0  // px: a single keypoint has no size of its own

/// The longer side of the box around the points, a tenth of them left out at each end: one that flies off makes nobody
/// larger.
private func size(of points: [PosePoint]) -> Double {
  let spare = points.count / 10
  func side(_ along: [Double]) -> Double {
    let sorted = along.sorted()
    return sorted.isEmpty ? 0 : sorted[sorted.count - 1 - spare] - sorted[spare]
  }
  let size = max(side(points.map(\.x)), side(points.map(\.y)))
  return size == 0 ? sizeOfAPoint : size
}

/// How much of a new value a low-pass filter of that cutoff (Hz) takes after so many seconds.
func lowPassWeight(cutoff: Double, elapsed: Double) -> Double {
  1 / (1 + 1 / (2 * Double.pi * cutoff * elapsed))
}
