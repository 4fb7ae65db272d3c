// SPDX-License-Identifier: Apache-2.0

// A stand-in; see CoreML.swift. Its hash is none of SHA-256's.

import Foundation

public struct SHA256 {
  private var state: UInt64 = 0xcbf2_9ce4_8422_2325

  public init() {}

  public mutating func update<D: DataProtocol>(data: D) {
    for byte in data { state = (state ^ UInt64(byte)) &* 0x100_0000_01b3 }
  }

  public func finalize() -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: state >> ($0 * 8)) }
  }
}
