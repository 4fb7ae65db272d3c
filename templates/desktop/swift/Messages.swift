// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Messages by standard input and output: the length, four bytes of which the highest is first, and so many bytes.
final class Messages {
  private let input = FileHandle.standardInput
  private let output = FileHandle.standardOutput

  /// The next message; nil where there is none.
  func read() throws -> Data? {
    guard let head = try bytes(4) else { return nil }
    return try bytes(head.reduce(0) { $0 << 8 | Int($1) })
  }

  func write(_ message: Data) throws {
    let length = (0..<4).map { UInt8(truncatingIfNeeded: message.count >> (24 - 8 * $0)) }
    try output.write(contentsOf: Data(length) + message)
  }

  private func bytes(_ count: Int) throws -> Data? {
    var found = Data()
    while found.count < count {
      guard let more = try input.read(upToCount: count - found.count), !more.isEmpty else { return nil }
      found += more
    }
    return found
  }
}

/// The bytes of numbers, as this machine has them, which is little-endian.
func floatBytes(_ values: UnsafeBufferPointer<Float>) -> Data { Data(buffer: values) }

/// The numbers of such bytes.
func floats(of bytes: Data) -> [Float] {
  [Float](unsafeUninitializedCapacity: bytes.count / 4) { buffer, count in
    count = bytes.copyBytes(to: buffer) / 4
  }
}
