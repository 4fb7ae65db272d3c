// SPDX-License-Identifier: Apache-2.0

import Foundation

private let requestFile = "request.json"
private let runFile = "run.json"

/// A picture in memory, and the digest of its bytes so far.
struct LoadedPicture {
  let bytes: Data
  private let digest: Sha256

  init(bytes: Data) {
    self.bytes = bytes
    var digest = Sha256()
    digest.update(bytes)
    self.digest = digest
  }

  /// SHA-256 of the picture's bytes followed by `more`.
  func sha256(with more: Data) -> String {
    var whole = digest
    whole.update(more)
    return whole.hexadecimal()
  }
}

/// The folder of a request; of its pictures only the last one stays in memory.
final class RequestFiles {
  private let folder: URL
  private var last: (file: String, picture: LoadedPicture)?

  init(_ folder: URL) {
    self.folder = folder
  }

  func request() throws -> RunRequest {
    let data = try contents(requestFile)
    do {
      return try JSONDecoder().decode(RunRequest.self, from: data)
    } catch {
      throw RunError("request.json is damaged: \(sentence(error))")
    }
  }

  func picture(_ asked: AskedPicture) throws -> LoadedPicture {
    let count = asked.size.width * asked.size.height * 3
    if let last, last.file == asked.file, last.picture.bytes.count == count { return last.picture }
    last = nil
    let picture = LoadedPicture(bytes: try contents(asked.file, count: count))
    last = (asked.file, picture)
    return picture
  }

  /// The bytes of a tensor, as they lie in the file.
  func tensor(_ asked: AskedTensor) throws -> Data { try contents(asked.file, count: asked.count * 4) }

  /// The bytes of a plain file, no link; all of them, if `count` says how many that are.
  private func contents(_ name: String, count: Int? = nil) throws -> Data {
    let file = folder.appendingPathComponent(name)
    let facts = try? FileManager.default.attributesOfItem(atPath: file.path)
    guard facts?[.type] as? FileAttributeType == .typeRegular, let size = (facts?[.size] as? NSNumber)?.intValue
    else { throw RunError("the request lacks \(name)") }
    guard count == nil || count == size else {
      throw RunError("\(name) has \(size) bytes, expected \(count ?? 0)")
    }
    return try Data(contentsOf: file)
  }
}

/// Where and why a document cannot be read.
private func sentence(_ error: any Error) -> String {
  func at(_ context: DecodingError.Context, _ text: String) -> String {
    let path = context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }
    return (path + [text]).joined(separator: ": ")
  }
  switch error {
  case DecodingError.keyNotFound(let key, let context): return at(context, "there is no \(key.stringValue)")
  case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context),
    DecodingError.dataCorrupted(let context):
    return at(context, context.debugDescription)
  default: return error.localizedDescription
  }
}

/// The folder of a run.
struct RunFiles {
  private let folder: URL

  init(_ folder: URL) throws {
    self.folder = folder
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    // of an earlier run: whoever finds it takes the run for done
    try? FileManager.default.removeItem(at: folder.appendingPathComponent(runFile))
  }

  /// Writes a tensor; what run.json says of it.
  func tensor(_ name: String, shape: [Int], _ values: UnsafeBufferPointer<Float>) throws -> TensorRecord {
    let bits = values.map { $0.bitPattern.littleEndian }
    try bits.withUnsafeBytes { try Data($0).write(to: folder.appendingPathComponent(name)) }
    return TensorRecord(file: name, shape: shape)
  }

  /// Writes run.json, whole or not at all.
  func run(_ record: RunRecord) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    try encoder.encode(record).write(to: folder.appendingPathComponent(runFile), options: .atomic)
  }
}

/// SHA-256 over the files of a folder, names and contents, or of one file: 64 lower case hexadecimal digits.
///
/// Each file gives a line of its path in the folder, a NUL and its own hash, in the order of the paths' parts.
package func contentHash(of url: URL) throws -> String {
  var isFolder: ObjCBool = false
  guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
    throw RunError("there is no \(url.lastPathComponent)")
  }
  var digest = Sha256()
  guard isFolder.boolValue else {
    digest.update(try Data(contentsOf: url, options: .mappedIfSafe))
    return digest.hexadecimal()
  }
  let paths = try FileManager.default.subpathsOfDirectory(atPath: url.path)
  let parts = paths.map { $0.split(separator: "/").map { Array($0.unicodeScalars) } }
  for (path, _) in zip(paths, parts).sorted(by: { precedes($0.1, $1.1) }) {
    let file = url.appendingPathComponent(path)
    guard FileManager.default.fileExists(atPath: file.path, isDirectory: &isFolder), !isFolder.boolValue else {
      continue
    }
    digest.update(Data("\(path)\0\(try contentHash(of: file))\n".utf8))
  }
  return digest.hexadecimal()
}

private func precedes(_ one: [[Unicode.Scalar]], _ other: [[Unicode.Scalar]]) -> Bool {
  one.lexicographicallyPrecedes(other) { $0.lexicographicallyPrecedes($1) }
}
