// SPDX-License-Identifier: Apache-2.0

import Foundation
import TemplatePoseCore

struct DenseCase: Decodable {
  struct Spec: Decodable {
    let name: String
    let kind: String
    let output: String
    let first: Int
    let stride: Double
    let shift: Double
    let upsampling: Int
    let activation: String
    let threshold: Double
    let within: String
    let labels: [String]
    let coarseCount: Int
    let coarse: Role?
    let u: Role?
    let v: Role?

    struct Role: Decodable {
      let output: String
      let first: Int

      var role: DenseRole { DenseRole(output: output, first: first) }
    }

    func spec() throws -> DenseSpec {
      DenseSpec(
        name: name, kind: try known(kind), output: output, first: first, stride: stride, shift: shift,
        upsampling: upsampling, activation: try known(activation), threshold: threshold, within: within, labels: labels,
        coarseCount: coarseCount, coarse: coarse?.role, u: u?.role, v: v?.role)
    }
  }

  struct Map: Decodable {
    let name: String
    let sizeWh: [Int]
    let values: Data
    let uv: Data
    let matrix: [Double]
    let numbers: [Int]
    let atPoints: [Double]
  }

  let dense: [Spec]
  let outputs: [DecoderCase.Output]
  let toSource: [Double]
  let points: [Double]
  let maps: [Map]

  func read() throws -> [DenseMap] {
    let to = toSource
    let toPicture = Affine(a: to[0], b: to[1], tx: to[2], c: to[3], d: to[4], ty: to[5])
    let tensors = outputs.map { OutputTensor(name: $0.name, shape: $0.shape, values: floats($0.values)) }
    return try denseMaps(try dense.map { try $0.spec() }, of: tensors, toPicture: toPicture)
  }
}

struct DenseErrors: Encodable {
  var cases = 0
  /// Results of another name or with other cells.
  var count = 0
  /// Cells with another label.
  var numbers = 0
  var values = 0.0
  var uv = 0.0
  var matrix = 0.0
  var atPoints = 0.0

  fileprivate mutating func add(_ found: DenseMap, _ expected: DenseCase.Map, _ points: [Double]) {
    guard [found.size.width, found.size.height] == expected.sizeWh, found.name == expected.name else {
      count += 1
      return
    }
    for (index, number) in expected.numbers.enumerated() {
      let (row, column) = index.quotientAndRemainder(dividingBy: found.size.width)
      if found.label(column: column, row: row) != number { numbers += 1 }
    }
    let to = found.toPicture
    let read = stride(from: 0, to: points.count, by: 2).map {
      Double(found.value(at: Point(x: points[$0], y: points[$0 + 1])))
    }
    values = max(values, largestDifference(found.values, floats(expected.values)))
    uv = max(uv, largestDifference(found.surface ?? [], floats(expected.uv)))
    matrix = max(matrix, largestDifference([to.a, to.b, to.tx, to.c, to.d, to.ty], expected.matrix))
    atPoints = max(atPoints, largestDifference(read, expected.atPoints))
  }
}

/// Reads the dense results of all cases.
func checkDense(folder: URL) throws -> DenseErrors {
  var errors = DenseErrors()
  for item in try read("dense.json", DenseCase.self, folder: folder) {
    errors.cases += 1
    let maps = try item.read()
    if maps.count != item.maps.count { errors.count += 1 }
    for (found, expected) in zip(maps, item.maps) { errors.add(found, expected, item.points) }
  }
  return errors
}
