// SPDX-License-Identifier: Apache-2.0

extension PafDecoder {
  /// People made of limbs, pair by pair.
  struct Grouping: Sendable {
    /// `merge` joins two people whom a limb connects; `extend` looks at a limb's first end alone.
    enum Kind: String, CaseIterable { case merge, extend }

    /// The score a keypoint, or the sum of scores times the keypoints less one.
    enum Confidence: String, CaseIterable { case mean, weighted }

    /// A person as it grows.
    struct Person {
      /// No peak: the first peak of all is a peak like another.
      static let absent = -1

      /// A peak a keypoint.
      var peaks: [Int]
      /// How many were counted.
      private(set) var parts = 0
      /// The sum of their scores and those of limbs.
      private(set) var score = 0.0

      init(keypointCount: Int) {
        peaks = [Int](repeating: Self.absent, count: keypointCount)
      }

      mutating func put(_ peak: Int, at keypoint: Int, score more: Double) {
        peaks[keypoint] = peak
        parts += 1
        score += more
      }

      /// Whether both have a peak of the same keypoint.
      func shares(_ other: Person) -> Bool {
        zip(peaks, other.peaks).contains { $0 != Self.absent && $1 != Self.absent }
      }

      mutating func take(_ other: Person, limb: Double) {
        for keypoint in peaks.indices where other.peaks[keypoint] != Self.absent {
          peaks[keypoint] = other.peaks[keypoint]
        }
        parts += other.parts
        score += other.score + limb
      }
    }

    private let pairs: [Int]
    private let kind: Kind
    private let closing: Int
    private let minParts: Int
    private let minScore: Double
    private let confidence: Confidence

    init(settings: DecoderSettings, pairs: [Int]) throws(PoseError) {
      self.pairs = pairs
      kind = try settings.choice("grouping.kind")
      closing = try settings.integer("grouping.closing", from: 0)
      minParts = try settings.integer("grouping.min_parts", from: 1)
      minScore = try settings.number("grouping.min_score")
      confidence = try settings.choice("grouping.confidence")
    }

    func confidence(_ person: Person) -> Double {
      switch confidence {
      case .mean: person.score / Double(max(person.parts, 1))
      case .weighted: person.score * Double(max(person.parts - 1, 0))
      }
    }

    /// Everybody whom the limbs make up, in the order in which they began.
    func people(_ limbs: [[Limb]], _ peaks: Peaks) -> [Person] {
      var people: [Person] = []
      for pair in limbs.indices {
        let ends = (pairs[2 * pair], pairs[2 * pair + 1])
        let isClosing = pair >= limbs.count - closing
        for limb in limbs[pair] {
          let isHeld =
            switch (kind, isClosing) {
            case (.merge, _): merge(&people, limb, ends, peaks)
            case (.extend, true): close(&people, limb, ends)
            case (.extend, false): extend(&people, limb, ends, peaks)
            }
          if isHeld || isClosing { continue }
          var person = Person(keypointCount: peaks.places.count)
          person.put(limb.from, at: ends.0, score: peaks.all[limb.from].score)
          person.put(limb.to, at: ends.1, score: peaks.all[limb.to].score + limb.score)
          people.append(person)
        }
      }
      if minParts == 1 { addSingles(&people, peaks) }
      return people.filter { $0.parts >= minParts && $0.score / Double(max($0.parts, 1)) >= minScore }
    }

    /// A peak that no limb holds may be somebody.
    private func addSingles(_ people: inout [Person], _ peaks: Peaks) {
      let held = Set(people.flatMap(\.peaks))
      for (keypoint, places) in peaks.places.enumerated() {
        for place in places where !held.contains(place) {
          var person = Person(keypointCount: peaks.places.count)
          person.put(place, at: keypoint, score: peaks.all[place].score)
          people.append(person)
        }
      }
    }

    /// Gives everybody who has the limb's first end the second; whether there is anybody.
    private func extend(_ people: inout [Person], _ limb: Limb, _ ends: (Int, Int), _ peaks: Peaks) -> Bool {
      var isHeld = false
      for place in people.indices where people[place].peaks[ends.0] == limb.from {
        people[place].put(limb.to, at: ends.1, score: peaks.all[limb.to].score + limb.score)
        isHeld = true
      }
      return isHeld
    }

    /// Fills either end where the other is held and it is free, and counts nothing.
    private func close(_ people: inout [Person], _ limb: Limb, _ ends: (Int, Int)) -> Bool {
      for place in people.indices {
        let own = people[place].peaks
        if own[ends.0] == limb.from, own[ends.1] == Person.absent { people[place].peaks[ends.1] = limb.to }
        if own[ends.1] == limb.to, own[ends.0] == Person.absent { people[place].peaks[ends.0] = limb.from }
      }
      return true
    }

    /// Adds the limb to the one person who has an end of it, or makes two one who share no keypoint.
    private func merge(_ people: inout [Person], _ limb: Limb, _ ends: (Int, Int), _ peaks: Peaks) -> Bool {
      let holders = people.indices.filter {
        people[$0].peaks[ends.0] == limb.from || people[$0].peaks[ends.1] == limb.to
      }
      guard let kept = holders.first else { return false }
      if holders.count == 2 {
        let gone = holders[1]
        if !people[kept].shares(people[gone]) {
          people[kept].take(people[gone], limb: limb.score)
          people.remove(at: gone)
          return true
        }
      }
      if holders.count <= 2, people[kept].peaks[ends.1] != limb.to {
        people[kept].put(limb.to, at: ends.1, score: peaks.all[limb.to].score + limb.score)
      }
      return true
    }
  }
}
