// SPDX-License-Identifier: Apache-2.0

// What Foundation gives on Apple's systems only; see CoreML.swift.

import Foundation

public func autoreleasepool<Result>(invoking body: () throws -> Result) rethrows -> Result { try body() }

public func sysctlbyname(
  _ name: UnsafePointer<CChar>, _ value: UnsafeMutableRawPointer?, _ count: UnsafeMutablePointer<Int>?,
  _ new: UnsafeMutableRawPointer?, _ newCount: Int
) -> Int32 {
  let answer = Array((String(cString: name) == "kern.osversion" ? "23A1\0" : "StandIn1,1\0").utf8)
  value?.copyMemory(from: answer, byteCount: min(count?.pointee ?? 0, answer.count))
  count?.pointee = answer.count
  return 0
}

extension ProcessInfo {
  public enum ThermalState: Int, Sendable {
    case nominal
    case fair
    case serious
    case critical
  }

  public var thermalState: ThermalState { .nominal }
}
