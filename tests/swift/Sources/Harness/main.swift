// SPDX-License-Identifier: Apache-2.0

// Harness GOLDEN_FOLDER: prints the greatest differences to the golden vectors as JSON.

import Foundation

struct Report: Encodable {
  let warp: WarpErrors
  let decoders: [String: DecoderErrors]
  let tracking: TrackingErrors
  let people: PeopleErrors
}

guard CommandLine.arguments.count == 2 else {
  FileHandle.standardError.write(Data("usage: Harness GOLDEN_FOLDER\n".utf8))
  exit(2)
}
let folder = URL(fileURLWithPath: CommandLine.arguments[1])
var errors: [String: DecoderErrors] = [:]
for (kind, make) in decoders { errors[kind] = try checkDecoders(folder: folder, kind: kind, make: make) }
let report = Report(
  warp: try checkWarp(folder: folder),
  decoders: errors,
  tracking: try checkTracking(folder: folder),
  people: try checkPeople(folder: folder))
let encoder = JSONEncoder()
encoder.keyEncodingStrategy = .convertToSnakeCase
encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
encoder.nonConformingFloatEncodingStrategy = .convertToString(
  positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
print(String(decoding: try encoder.encode(report), as: UTF8.self))
