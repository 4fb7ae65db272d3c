// SPDX-License-Identifier: Apache-2.0

import Foundation
import TemplatePoseCore

/// What a run can be asked for: image to keypoints, the reference's tensor to keypoints, given outputs to keypoints.
package enum RunMode: String, Codable, Sendable {
  case image
  case tensor
  case outputs
}

/// What can be asked to run the model; `npu` is the Neural Engine, and `none` asks for no model.
package enum RunAccelerator: String, Codable, Sendable {
  case cpu
  case gpu
  case npu
  case none
}

/// Why a request cannot be run, in one sentence.
package struct RunError: LocalizedError {
  package let errorDescription: String?

  init(_ message: String) {
    errorDescription = message
  }
}

/// A picture beside the request: RGB bytes as stored, and how it becomes upright.
struct AskedPicture: Decodable, Equatable {
  let file: String
  let size: PixelSize
  let orientation: Orientation

  private enum CodingKeys: String, CodingKey {
    case file
    case size = "size_wh"
    case rotation = "rotation_degrees"
    case mirrored
  }

  init(from decoder: any Decoder) throws {
    let data = try decoder.container(keyedBy: CodingKeys.self)
    file = try plainFileName(data.decode(String.self, forKey: .file))
    let (width, height) = try pair(data.decode([Int].self, forKey: .size))
    guard (1...maxSide).contains(width), (1...maxSide).contains(height) else {
      throw RunError("a picture has \(width) x \(height) px")
    }
    size = PixelSize(width: width, height: height)
    orientation = try Orientation(
      rotationDegrees: data.decodeIfPresent(Int.self, forKey: .rotation) ?? 0,
      mirrored: data.decodeIfPresent(Bool.self, forKey: .mirrored) ?? false)
  }
}

/// A tensor beside the request: raw little-endian float32.
struct AskedTensor: Decodable {
  let file: String
  let shape: [Int]
  var count: Int { shape.reduce(1, *) }

  private enum CodingKeys: String, CodingKey {
    case file
    case shape
  }

  init(from decoder: any Decoder) throws {
    let data = try decoder.container(keyedBy: CodingKeys.self)
    file = try plainFileName(data.decode(String.self, forKey: .file))
    shape = try data.decode([Int].self, forKey: .shape)
    guard (1...8).contains(shape.count), shape.allSatisfy({ $0 > 0 }) else {
      throw RunError("a tensor has the shape \(shape)")
    }
    guard shape.reduce(1, { min($0 * min($1, maxValues + 1), maxValues + 1) }) <= maxValues else {
      throw RunError("a tensor of the shape \(shape) is too large")
    }
  }
}

/// A region as the documents write it, px of the upright picture.
struct WrittenRegion: Codable {
  let centerXy: [Double]
  let sizeWh: [Double]
  let rotationDegrees: Double?

  private enum CodingKeys: String, CodingKey {
    case centerXy = "center_xy"
    case sizeWh = "size_wh"
    case rotationDegrees = "rotation_degrees"
  }

  init(_ region: Region) {
    centerXy = [region.center.x, region.center.y]
    sizeWh = [region.width, region.height]
    rotationDegrees = region.rotationDegrees
  }

  func region() throws -> Region {
    let ((x, y), (width, height)) = (try pair(centerXy), try pair(sizeWh))
    return try Region(
      center: Point(x: x, y: y), width: width, height: height, rotationDegrees: rotationDegrees ?? 0)
  }
}

/// One case; without a region, the whole frame.
struct AskedCase: Decodable {
  let name: String
  let picture: AskedPicture
  let region: WrittenRegion?
  let input: AskedTensor
  let outputs: [String: AskedTensor]?
}

/// Which network of two stages is run; of one stage it is `pose`.
package enum RunStage: String, Decodable, Sendable {
  case pose
  case detector
  case both

  /// What the code knows of it.
  package func contract() throws -> StageSpec {
    switch self {
    case .pose: return TemplatePoseContract.pose
    case .detector:
      guard let detector = TemplatePoseContract.detector else { throw RunError("this package has no detector") }
      return detector
    case .both: throw RunError("the stages of this package are run one by one, not both")
    }
  }
}

/// request.json.
struct RunRequest: Decodable {
  let stage: RunStage
  let modes: [RunMode]
  let accelerators: [RunAccelerator]
  let warmup: Int
  let repeats: Int
  let cases: [AskedCase]

  private enum CodingKeys: String, CodingKey {
    case schema
    case stage
    case modes
    case accelerators
    case warmup
    case repeats
    case cases
  }

  init(from decoder: any Decoder) throws {
    let data = try decoder.container(keyedBy: CodingKeys.self)
    let schema = try data.decode(Int.self, forKey: .schema)
    guard schema == 1 else { throw RunError("schema is \(schema), expected 1") }
    let name = try data.decodeIfPresent(String.self, forKey: .stage) ?? "pose"
    guard let known = RunStage(rawValue: name) else { throw RunError("'\(name)' is no stage") }
    stage = known
    modes = try data.decode([String].self, forKey: .modes).map { name in
      guard let mode = RunMode(rawValue: name) else { throw RunError("'\(name)' is no mode") }
      return mode
    }
    accelerators = try data.decode([String].self, forKey: .accelerators).map { name in
      guard let known = RunAccelerator(rawValue: name) else { throw RunError("'\(name)' is no accelerator") }
      return known
    }
    warmup = try data.decodeIfPresent(Int.self, forKey: .warmup) ?? 2
    repeats = try data.decodeIfPresent(Int.self, forKey: .repeats) ?? 20
    guard (0...1000).contains(warmup) else { throw RunError("warmup is \(warmup)") }
    guard (0...10000).contains(repeats) else { throw RunError("repeats is \(repeats)") }
    cases = try data.decode([AskedCase].self, forKey: .cases)
    guard (1...256).contains(cases.count) else { throw RunError("there are \(cases.count) cases") }
    for asked in cases { _ = try asked.region?.region() }
  }
}

private let maxSide = 1 << 15
private let maxValues = 1 << 26

private func pair<Number>(_ numbers: [Number]) throws -> (Number, Number) {
  guard numbers.count == 2 else { throw RunError("\(numbers) is no pair") }
  return (numbers[0], numbers[1])
}

private func plainFileName(_ name: String) throws -> String {
  let bytes = Array(name.utf8)
  func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
  func mayFollow(_ byte: UInt8) -> Bool { byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-") || isPlain(byte) }
  guard let first = bytes.first, isPlain(first), bytes.count <= 128, bytes.allSatisfy(mayFollow) else {
    throw RunError("'\(name)' is no plain file name")
  }
  return name
}
