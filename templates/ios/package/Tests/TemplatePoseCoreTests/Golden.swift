// SPDX-License-Identifier: Apache-2.0

import Foundation
import TemplatePoseCore

/// The folder with the golden vectors: POSEKIT_GOLDEN, or the `golden` that lies beside the package or
/// above it. Nil where there is none, say because only the package was copied.
func goldenFolder() -> URL? {
  if let named = ProcessInfo.processInfo.environment["POSEKIT_GOLDEN"] {
    return URL(fileURLWithPath: named, isDirectory: true)
  }
  var place = URL(fileURLWithPath: #filePath)
  for _ in 0..<6 {
    place.deleteLastPathComponent()
    let folder = place.appendingPathComponent("golden", isDirectory: true)
    let file = folder.appendingPathComponent("warp.json")
    if FileManager.default.fileExists(atPath: file.path) { return folder }
  }
  return nil
}

/// A document of tests/golden.
struct Document<Case: Decodable>: Decodable {
  let cases: [Case]
}

struct RegionCase: Decodable {
  let centerXy: [Double]
  let sizeWh: [Double]
  let rotationDegrees: Double

  /// The greatest difference to a region, px or degrees.
  func difference(_ region: Region) -> Double {
    [
      region.center.x - centerXy[0], region.center.y - centerXy[1],
      region.width - sizeWh[0], region.height - sizeWh[1],
      region.rotationDegrees - rotationDegrees,
    ].map(abs).reduce(0, max)
  }

  func region() throws -> Region {
    try Region(
      center: Point(x: centerXy[0], y: centerXy[1]), width: sizeWh[0], height: sizeWh[1],
      rotationDegrees: rotationDegrees)
  }
}

/// A golden case that this code cannot read.
struct BadGolden: Error {
  let message: String

  init(_ message: String) {
    self.message = message
  }
}

/// What a word of a golden file stands for.
func known<Choice: RawRepresentable<String>>(_ word: String) throws -> Choice {
  guard let choice = Choice(rawValue: word) else { throw BadGolden("\(word) is no \(Choice.self)") }
  return choice
}

/// Little-endian float32.
func floats(_ data: Data) -> [Float] {
  data.withUnsafeBytes { bytes in
    (0..<bytes.count / 4).map {
      Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self)))
    }
  }
}

/// The cases of a document.
func read<Case: Decodable>(_ name: String, _ type: Case.Type, folder: URL) throws -> [Case] {
  let data = try Data(contentsOf: folder.appendingPathComponent(name))
  let decoder = JSONDecoder()
  decoder.keyDecodingStrategy = .convertFromSnakeCase
  return try decoder.decode(Document<Case>.self, from: data).cases
}

/// The greatest difference, and infinity where the lengths differ or a number is not finite.
func largestDifference<Number: BinaryFloatingPoint>(_ found: [Number], _ expected: [Number]) -> Double {
  guard found.count == expected.count else { return .infinity }
  return zip(found, expected).reduce(0) { worst, pair in
    let difference = abs(Double(pair.0) - Double(pair.1))
    return difference.isFinite ? max(worst, difference) : .infinity
  }
}
