// SPDX-License-Identifier: Apache-2.0

/// What a frame shows.
public struct LiveFrame: Equatable, Sendable {
  /// Those who were found, each with an id.
  public let people: [LivePerson]
  /// What the model says of every place of where it looked; empty where it says nothing of that, and of two stages.
  public let dense: [DenseMap]
  /// How long the steps took; of two stages those of both models together.
  public let times: StepTimes
  /// Of the upright picture, px; poses are in its px.
  public let size: PixelSize

  public init(people: [LivePerson], dense: [DenseMap] = [], times: StepTimes, size: PixelSize) {
    self.people = people
    self.dense = dense
    self.times = times
    self.size = size
  }
}

/// A person in a frame.
public struct LivePerson: Equatable, Sendable, Identifiable {
  /// The same from frame to frame.
  public let id: Int
  /// Px of the upright picture.
  public let pose: Pose

  public init(id: Int, pose: Pose) {
    self.id = id
    self.pose = pose
  }
}

/// How long the steps of an estimate took, ms.
public struct StepTimes: Equatable, Sendable {
  public let preprocessingMs: Double
  public let inferenceMs: Double
  public let decodingMs: Double

  /// All steps together.
  public var totalMs: Double { preprocessingMs + inferenceMs + decodingMs }

  public init(preprocessingMs: Double = 0, inferenceMs: Double = 0, decodingMs: Double = 0) {
    self.preprocessingMs = preprocessingMs
    self.inferenceMs = inferenceMs
    self.decodingMs = decodingMs
  }

  public static func + (one: StepTimes, other: StepTimes) -> StepTimes {
    StepTimes(
      preprocessingMs: one.preprocessingMs + other.preprocessingMs, inferenceMs: one.inferenceMs + other.inferenceMs,
      decodingMs: one.decodingMs + other.decodingMs)
  }

  public static func - (one: StepTimes, other: StepTimes) -> StepTimes {
    StepTimes(
      preprocessingMs: one.preprocessingMs - other.preprocessingMs, inferenceMs: one.inferenceMs - other.inferenceMs,
      decodingMs: one.decodingMs - other.decodingMs)
  }
}
