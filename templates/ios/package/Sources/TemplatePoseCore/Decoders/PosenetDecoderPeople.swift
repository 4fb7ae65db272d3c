// SPDX-License-Identifier: Apache-2.0

import Foundation

extension PosenetDecoder {
  private struct Root {
    let heat: Double
    let keypoint: Int
    let cell: (x: Int, y: Int)
  }

  /// Where an edge leads from a keypoint, and which displacement does.
  struct Neighbour: Sendable {
    let keypoint: Int
    let edge: Int
    let isForward: Bool
  }

  /// People of heatmaps, offsets and displacements: one, or several from roots along a tree of edges.
  ///
  /// A root is a cell whose heat no cell about it exceeds. From the surest root on, unless a person has that keypoint
  /// nearby, a person is built, edge after edge. Of equal roots the first in row order comes first, then the lowest
  /// keypoint.
  struct Rules: Sendable {
    let grouping: Grouping
    /// Number of edges (E).
    let edgeCount: Int
    private let neighbours: [[Neighbour]]
    private let peakRadius: Int
    private let minRootScore: Double
    private let radius: Double
    private let refinements: Int
    private let minConfidence: Double
    private let maxPeople: Int

    init(settings: DecoderSettings, stride: Int) throws(PoseError) {
      grouping = try settings.choice("grouping")
      let parents = try settings.integers("parents")
      let children = try settings.integers("children")
      let keypoints = 0..<settings.keypointCount
      for (name, indices) in [("parents", parents), ("children", children)] {
        guard indices.allSatisfy(keypoints.contains), indices.count == parents.count else {
          throw settings.wrong(name, expected: "\(parents.count) keypoints, counted from 0")
        }
      }
      edgeCount = parents.count
      neighbours = keypoints.map { keypoint in
        let edges = parents.indices
        let forward = edges.filter { parents[$0] == keypoint }
        let backward = edges.filter { children[$0] == keypoint }
        return forward.map { Neighbour(keypoint: children[$0], edge: $0, isForward: true) }
          + backward.map { Neighbour(keypoint: parents[$0], edge: $0, isForward: false) }
      }
      peakRadius = try settings.integer("peak_radius")
      minRootScore = try settings.number("min_root_score")
      radius = try settings.number("radius_px") / Double(stride)
      refinements = try settings.integer("refinements")
      minConfidence = try settings.number("min_confidence")
      maxPeople = try settings.integer("max_people")
    }

    /// Who is in the maps, the most confident first; equal ones in the order in which they were found.
    func people(in fields: Fields) -> [Found] {
      if grouping == .one { return [one(fields)] }
      var found: [Found] = []
      for root in roots(fields) {
        if found.count == maxPeople { break }
        let start = fields.keypoint(root.cell, root.keypoint)
        if isTaken(start, root.keypoint, found[...]) { continue }
        if grouping == .nearest {
          var person = built(fields, root.keypoint, start, root.heat)
          person.confidence = own(person, found[...])
          found.append(person)
        } else {
          let place = fields.within(start)
          let person = built(fields, root.keypoint, place, fields.heat.between(place, root.keypoint))
          if person.confidence >= minConfidence { found.append(person) }
        }
      }
      if grouping == .bilinear {
        found = sorted(found)
        let confidences = found.indices.map { own(found[$0], found[..<$0]) }
        for (place, confidence) in confidences.enumerated() { found[place].confidence = confidence }
      }
      return sorted(found.filter { $0.confidence >= minConfidence })
    }

    private func sorted(_ people: [Found]) -> [Found] {
      people.enumerated().sorted { ($1.element.confidence, $0.offset) < ($0.element.confidence, $1.offset) }
        .map(\.element)
    }

    private func one(_ fields: Fields) -> Found {
      var (points, scores): ([Point], [Double]) = ([], [])
      for keypoint in 0..<fields.count {
        var best = (x: 0, y: 0)
        var most = fields.heat.value(0, 0, keypoint)
        for y in 0..<fields.heat.height {
          for x in 0..<fields.heat.width where fields.heat.value(x, y, keypoint) > most {
            most = fields.heat.value(x, y, keypoint)
            best = (x, y)
          }
        }
        points.append(fields.keypoint(best, keypoint))
        scores.append(fields.score(most))
      }
      return Found(points: points, scores: scores, confidence: scores.reduce(0, +) / Double(fields.count))
    }

    /// Every root, the most heat first.
    private func roots(_ fields: Fields) -> [Root] {
      var found: [Root] = []
      for y in 0..<fields.heat.height {
        for x in 0..<fields.heat.width {
          for keypoint in 0..<fields.count {
            let heat = fields.heat.value(x, y, keypoint)
            if isPeak(heat, fields, x, y, keypoint), fields.score(heat) >= minRootScore {
              found.append(Root(heat: heat, keypoint: keypoint, cell: (x, y)))
            }
          }
        }
      }
      return found.enumerated().sorted { ($1.element.heat, $0.offset) < ($0.element.heat, $1.offset) }.map(\.element)
    }

    private func isPeak(_ heat: Double, _ fields: Fields, _ x: Int, _ y: Int, _ keypoint: Int) -> Bool {
      for row in max(y - peakRadius, 0)...min(y + peakRadius, fields.heat.height - 1) {
        for column in max(x - peakRadius, 0)...min(x + peakRadius, fields.heat.width - 1)
        where fields.heat.value(column, row, keypoint) > heat {
          return false
        }
      }
      return true
    }

    /// Whether one of the others has that keypoint nearby; with a radius of 0 none has.
    private func isTaken(_ place: Point, _ keypoint: Int, _ others: ArraySlice<Found>) -> Bool {
      others.contains {
        let (x, y) = (place.x - $0.points[keypoint].x, place.y - $0.points[keypoint].y)
        return radius > 0 && x * x + y * y <= radius * radius
      }
    }

    /// Mean score, where keypoints that others have nearby count 0.
    private func own(_ person: Found, _ others: ArraySlice<Found>) -> Double {
      var own = 0.0
      for (keypoint, place) in person.points.enumerated() where !isTaken(place, keypoint, others) {
        own += person.scores[keypoint]
      }
      return own / Double(person.scores.count)
    }

    /// A person from its root, edge after edge.
    private func built(_ fields: Fields, _ root: Int, _ start: Point, _ heat: Double) -> Found {
      var points = [Point?](repeating: nil, count: fields.count)
      var scores = [Double](repeating: 0, count: fields.count)
      (points[root], scores[root]) = (start, fields.score(heat))
      var order = [root]
      var next = 0
      while next < order.count {
        let source = order[next]
        next += 1
        for neighbour in neighbours[source] where points[neighbour.keypoint] == nil {
          let from = points[source] ?? start
          let (place, raw) = grouping == .nearest ? nearest(fields, from, neighbour) : bilinear(fields, from, neighbour)
          (points[neighbour.keypoint], scores[neighbour.keypoint]) = (place, fields.score(raw))
          order.append(neighbour.keypoint)
        }
      }
      return Found(
        points: points.map { $0 ?? start }, scores: scores, confidence: scores.reduce(0, +) / Double(fields.count))
    }

    /// A neighbour's place and heat, from a keypoint's place, where the nearest cells say.
    private func nearest(_ fields: Fields, _ from: Point, _ to: Neighbour) -> (Point, Double) {
      let move = fields.moves[to.isForward ? 0 : 1].at(fields.nearest(from), to.edge)
      var place = Point(x: from.x + move.x, y: from.y + move.y)
      for _ in 0..<refinements { place = fields.keypoint(fields.nearest(place), to.keypoint) }
      let cell = fields.nearest(place)
      return (place, fields.heat.value(cell.x, cell.y, to.keypoint))
    }

    /// The same where the maps say between their cells.
    private func bilinear(_ fields: Fields, _ from: Point, _ to: Neighbour) -> (Point, Double) {
      let move = fields.moves[to.isForward ? 0 : 1].between(from, to.edge)
      var place = fields.within(Point(x: from.x + move.x, y: from.y + move.y))
      for _ in 0..<refinements {
        let step = fields.offsets.between(place, to.keypoint)
        place = fields.within(Point(x: place.x + step.x, y: place.y + step.y))
      }
      return (place, fields.heat.between(place, to.keypoint))
    }
  }
}
