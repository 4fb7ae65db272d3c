// SPDX-License-Identifier: Apache-2.0

extension TagsDecoder {
  /// A person as peaks are put together: `peaks` by keypoint, and the sum of the tags that count.
  struct Person {
    let key: Double
    private(set) var peaks: [Peak?]
    private var total: [Double]
    private var count = 0

    init(_ peak: Peak, keypointCount: Int) {
      key = peak.tag[0]
      peaks = Array(repeating: nil, count: keypointCount)
      total = Array(repeating: 0, count: peak.tag.count)
    }

    /// Forgets earlier tags, not their peaks.
    mutating func restart() {
      for d in total.indices { total[d] = 0 }
      count = 0
    }

    mutating func join(_ keypoint: Int, _ peak: Peak) {
      peaks[keypoint] = peak
      for d in total.indices { total[d] += peak.tag[d] }
      count += 1
    }

    /// Euclidean, from the mean of the tags so far.
    func distance(_ tag: [Double]) -> Double {
      var squared = 0.0
      for d in total.indices {
        let away = tag[d] - total[d] / Double(count)
        squared += away * away
      }
      return squared.squareRoot()
    }

    /// The mean score of all keypoints, a missing one as 0.
    var confidence: Double { peaks.reduce(0) { $0 + ($1?.score ?? 0) } / Double(peaks.count) }

    /// The mean tag of all peaks, in the order of the keypoints.
    var meanTag: [Double] {
      let found = peaks.compactMap { $0 }
      return total.indices.map { d in found.reduce(0) { $0 + $1.tag[d] } / Double(found.count) }
    }
  }

  /// Peaks to people by their tags: keypoint by keypoint, peaks are assigned to people whose mean tag is near.
  ///
  /// Costs are whole distances, so that many assignments cost the same; `assigned` says which one counts.
  struct GroupRule {
    /// What becomes of more than `mostPeople`: they stay, are left out, or grouping ends there.
    enum Beyond: String, CaseIterable { case stay, drop, stop }

    /// Whether a new person whose first tag is exactly another one's is that person.
    enum SameTag: String, CaseIterable { case same, another }

    /// Tags further apart than that are as far as they can be.
    private static let far = 1e6

    private let threshold: Double
    private let mostPeople: Int
    private let beyond: Beyond
    private let sameTag: SameTag
    private let order: [Int]

    init(settings: DecoderSettings) throws(PoseError) {
      let count = settings.keypointCount
      let said = try settings.integers("order")
      order = said.isEmpty ? Array(0..<count) : said.filter { $0 < count }
      guard order.sorted() == Array(0..<count) else {
        throw settings.wrong("order", expected: "each of the \(count) keypoints once")
      }
      mostPeople = try settings.integer("groups.most_people")
      guard mostPeople > 0 else { throw settings.wrong("groups.most_people", expected: "a number above 0") }
      threshold = try settings.number("groups.threshold")
      beyond = try settings.choice("groups.beyond")
      sameTag = try settings.choice("groups.same_tag")
    }

    /// The people as they are started; `peaks` are those of each keypoint.
    func group(_ peaks: [[Peak]]) -> [Person] {
      var people: [Person] = []
      for keypoint in order {
        let own = peaks[keypoint]
        guard !own.isEmpty, beyond != .stop || people.count < mostPeople else { continue }
        let partners = partners(of: own, among: people.prefix(mostPeople))
        for (peak, partner) in zip(own, partners) {
          let place = partner ?? start(peak, among: &people, keypointCount: peaks.count)
          people[place].join(keypoint, peak)
        }
      }
      return beyond == .drop ? Array(people.prefix(mostPeople)) : people
    }

    private func start(_ peak: Peak, among people: inout [Person], keypointCount: Int) -> Int {
      if sameTag == .same, let place = people.firstIndex(where: { $0.key == peak.tag[0] }) {
        people[place].restart()
        return place
      }
      people.append(Person(peak, keypointCount: keypointCount))
      return people.count - 1
    }

    private func partners(of own: [Peak], among people: ArraySlice<Person>) -> [Int?] {
      guard !people.isEmpty else { return own.map { _ in nil } }
      let distances = own.map { peak in people.map { $0.distance(peak.tag) } }
      let costs = distances.map { $0.map { Int(min($0, Self.far).rounded(.toNearestOrEven)) } }
      return assigned(costs).enumerated().map { row, column in
        column < people.count && distances[row][column] < threshold ? column : nil
      }
    }
  }
}
