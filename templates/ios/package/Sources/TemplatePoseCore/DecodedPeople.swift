// SPDX-License-Identifier: Apache-2.0

/// The people that a decoder finds, none or more, input px: points one after another, each person closed by `endPerson`.
///
/// Keeps its memory from picture to picture.
public struct DecodedPeople: Equatable, Sendable {
  /// The end of a person among the points, and what is known of the person as a whole.
  private struct Person: Equatable {
    let end: Int
    let confidence: Double
    let box: Box?
    let world: [WorldPoint]?
  }

  private var points: [PosePoint] = []
  private var people: [Person] = []

  public init() {}

  /// Number of people (N).
  public var count: Int { people.count }

  /// The points of a person, in the order of the contract's keypoints.
  public func points(of person: Int) -> ArraySlice<PosePoint> {
    points[(person == 0 ? 0 : people[person - 1].end)..<people[person].end]
  }

  /// How sure the model is of a person, usually 0 to 1.
  public func confidence(of person: Int) -> Double { people[person].confidence }

  /// A person's box; nil where the model gives none.
  public func box(of person: Int) -> Box? { people[person].box }

  /// A person's keypoints in metres, in the axes of the input; nil where the model gives none.
  public func world(of person: Int) -> [WorldPoint]? { people[person].world }

  /// Adds the next point of the person who is not closed yet.
  public mutating func append(_ point: PosePoint) {
    points.append(point)
  }

  /// Closes a person.
  /// - Parameters:
  ///   - confidence: nil where the model gives none: it is the mean of the points' scores then.
  ///   - box: nil where the model gives none.
  ///   - world: metres, nil where the model gives none.
  public mutating func endPerson(confidence: Double? = nil, box: Box? = nil, world: [WorldPoint]? = nil) {
    let own = points[(people.last?.end ?? 0)...]
    let mean = own.reduce(0) { $0 + $1.score } / Double(own.count)
    people.append(Person(end: points.count, confidence: confidence ?? mean, box: box, world: world))
  }

  /// Takes back the person who was closed last.
  mutating func removeLast() {
    people.removeLast()
    points.removeLast(points.count - (people.last?.end ?? 0))
  }

  /// Takes back everybody.
  public mutating func removeAll() {
    points.removeAll(keepingCapacity: true)
    people.removeAll(keepingCapacity: true)
  }
}
