// SPDX-License-Identifier: Apache-2.0

/// The latest numbers of a row of them.
struct RecentNumbers: Sendable {
  private let capacity: Int
  private var numbers: [Double] = []
  private var next = 0

  init(capacity: Int = 120) {
    self.capacity = capacity
  }

  mutating func add(_ number: Double) {
    if numbers.count < capacity {
      numbers.append(number)
    } else {
      numbers[next] = number
      next = (next + 1) % capacity
    }
  }

  /// The least number that so many of a hundred do not exceed; nil where there is none.
  func percentile(_ part: Int) -> Double? {
    numbers.isEmpty ? nil : numbers.sorted()[(part * numbers.count + 99) / 100 - 1]
  }
}

/// Half of the frames, and nine of ten, are no slower than that.
struct Spread: Equatable, Sendable {
  let p50: Double
  let p90: Double

  init?(_ numbers: RecentNumbers) {
    guard let p50 = numbers.percentile(50), let p90 = numbers.percentile(90) else { return nil }
    self.p50 = p50
    self.p90 = p90
  }
}

/// How long a step took.
struct StepFigures: Identifiable, Sendable {
  let name: String
  let ms: Spread

  var id: String { name }
}

/// How long the steps of the latest frames took, and how often frames came of it.
struct FrameStatistics: Sendable {
  private var preprocessing = RecentNumbers()
  private var inference = RecentNumbers()
  private var decoding = RecentNumbers()
  private var intervals = RecentNumbers()
  private var lastSeconds: Double?

  /// - Parameters:
  ///   - stepsMs: preprocessing, inference, decoding.
  ///   - timeSeconds: when the frame was taken.
  mutating func add(stepsMs: (Double, Double, Double), timeSeconds: Double) {
    preprocessing.add(stepsMs.0)
    inference.add(stepsMs.1)
    decoding.add(stepsMs.2)
    if let lastSeconds, timeSeconds > lastSeconds { intervals.add(timeSeconds - lastSeconds) }
    lastSeconds = timeSeconds
  }

  /// In their order.
  var steps: [StepFigures] {
    [("preprocessing", preprocessing), ("inference", inference), ("decoding", decoding)]
      .compactMap { name, numbers in Spread(numbers).map { StepFigures(name: name, ms: $0) } }
  }

  /// Frames a second: of half of the frames, and of nine of ten, at least.
  var framesPerSecond: (p50: Double, p90: Double)? {
    Spread(intervals).map { (1 / $0.p50, 1 / $0.p90) }
  }
}
