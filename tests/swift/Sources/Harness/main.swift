// SPDX-License-Identifier: Apache-2.0

// Harness GOLDEN_FOLDER [SUITE [KIND]]: prints the greatest differences to the golden vectors as JSON, of all or one of
// warp, yuv, decoders, dense, tracking, people, following, session; of the decoders those of which there is a file, or
// those of one kind.

import Foundation

struct Report: Encodable {
  var warp: WarpErrors?
  var yuv: YuvErrors?
  var decoders: [String: DecoderErrors]?
  var dense: DenseErrors?
  var tracking: TrackingErrors?
  var people: PeopleErrors?
  var following: FollowingErrors?
  var session: SessionErrors?
}

guard (2...4).contains(CommandLine.arguments.count) else {
  FileHandle.standardError.write(Data("usage: Harness GOLDEN_FOLDER [SUITE [KIND]]\n".utf8))
  exit(2)
}
let folder = URL(fileURLWithPath: CommandLine.arguments[1])
func isAsked(_ suite: String) -> Bool { CommandLine.arguments.count == 2 || CommandLine.arguments[2] == suite }
var report = Report()
if isAsked("warp") { report.warp = try checkWarp(folder: folder) }
if isAsked("yuv") { report.yuv = try checkYuv(folder: folder) }
if isAsked("decoders") {
  var errors: [String: DecoderErrors] = [:]
  for (kind, make) in decoders where CommandLine.arguments.count < 4 || CommandLine.arguments[3] == kind {
    guard FileManager.default.fileExists(atPath: folder.appendingPathComponent("\(kind).json").path) else { continue }
    errors[kind] = try checkDecoders(folder: folder, kind: kind, make: make)
  }
  report.decoders = errors
}
if isAsked("dense") { report.dense = try checkDense(folder: folder) }
if isAsked("tracking") { report.tracking = try checkTracking(folder: folder) }
if isAsked("people") { report.people = try checkPeople(folder: folder) }
if isAsked("following") { report.following = try checkFollowing(folder: folder) }
if isAsked("session") { report.session = try checkSession() }
let encoder = JSONEncoder()
encoder.keyEncodingStrategy = .convertToSnakeCase
encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
encoder.nonConformingFloatEncodingStrategy = .convertToString(
  positiveInfinity: "Infinity", negativeInfinity: "-Infinity", nan: "NaN")
print(String(decoding: try encoder.encode(report), as: UTF8.self))
