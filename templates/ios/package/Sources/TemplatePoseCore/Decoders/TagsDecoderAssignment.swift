// SPDX-License-Identifier: Apache-2.0

/// The column of each row so that the sum of `costs` is least; rows beyond the columns get numbers from there on.
///
/// Of several such assignments the one counts in which the first row has the lowest column, then the second, and so on.
func assigned(_ costs: [[Int]]) -> [Int] {
  // rows and columns that fill up to a square cost nothing: how many of them are assigned is always the same
  let size = max(costs.count, costs.first?.count ?? 0)
  let filled = (0..<size).map { row in
    let own = row < costs.count ? costs[row] : []
    return own + Array(repeating: 0, count: size - own.count)
  }
  var assignment = Assignment(filled)
  return assignment.earliest(rows: costs.count)
}

/// An assignment of least total, found by shortest augmenting paths, and what may be changed in it at no cost.
private struct Assignment {
  private let costs: [[Int]]
  private let size: Int
  private var ofRow: [Int]
  private var ofColumn: [Int]
  private var owner: [Int]  // of each column; place 0 is the row that has none yet

  init(_ costs: [[Int]]) {
    self.costs = costs
    size = costs.count
    ofRow = Array(repeating: 0, count: size + 1)
    (ofColumn, owner) = (ofRow, ofRow)
    for row in 0..<size { add(row + 1) }
  }

  private mutating func add(_ row: Int) {
    var slack = Array(repeating: Int.max, count: size + 1)
    var before = Array(repeating: 0, count: size + 1)
    var seen = Array(repeating: false, count: size + 1)
    owner[0] = row
    var column = 0
    while owner[column] != 0 {
      seen[column] = true
      let current = owner[column]
      var (step, following) = (Int.max, 0)
      for other in 1...size where !seen[other] {
        let cost = costs[current - 1][other - 1] - ofRow[current] - ofColumn[other]
        if cost < slack[other] { (slack[other], before[other]) = (cost, column) }
        if slack[other] < step { (step, following) = (slack[other], other) }
      }
      for other in 0...size {
        if seen[other] {
          ofRow[owner[other]] += step
          ofColumn[other] -= step
        } else if other > 0 {
          slack[other] -= step
        }
      }
      column = following
    }
    while column != 0 {
      owner[column] = owner[before[column]]
      column = before[column]
    }
  }

  private func isTight(_ row: Int, _ column: Int) -> Bool {
    costs[row - 1][column - 1] == ofRow[row] + ofColumn[column]
  }

  /// The lowest column for each row in turn that leaves the others a column at no cost.
  mutating func earliest(rows: Int) -> [Int] {
    var closed = Array(repeating: false, count: size + 1)
    var chosen: [Int] = []
    for row in 0..<rows {
      for column in 1...size where isTight(row + 1, column) && !closed[column] {
        guard takes(column, by: row + 1, closed) else { continue }
        owner[column] = row + 1
        closed[column] = true
        chosen.append(column - 1)
        break
      }
    }
    return chosen
  }

  /// Whether whoever owns `column` finds another one, which `row` or others give up.
  private mutating func takes(_ column: Int, by row: Int, _ closed: [Bool]) -> Bool {
    var seen = closed
    seen[column] = true
    return owner[column] == row || moves(owner[column], givenUpBy: row, &seen)
  }

  private mutating func moves(_ row: Int, givenUpBy other: Int, _ seen: inout [Bool]) -> Bool {
    for column in 1...size where !seen[column] && isTight(row, column) {
      seen[column] = true
      if owner[column] == other || moves(owner[column], givenUpBy: other, &seen) {
        owner[column] = row
        return true
      }
    }
    return false
  }
}
