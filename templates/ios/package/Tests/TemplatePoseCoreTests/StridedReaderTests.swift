// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@testable import TemplatePoseCore

@Suite struct StridedReaderTests {
  private let shape = [1, 2, 3, 5]
  private let strides = [64, 32, 8, 1]  // rows of 5 padded to 8

  /// The number at each index is its place in row order; what lies between is -1.
  private func check<Number>(_ type: ElementType, _ zero: Number, _ make: (Int) -> Number) throws {
    var memory = [Number](repeating: zero, count: 64)
    var place = 0
    for y in 0..<2 {
      for x in 0..<3 {
        for k in 0..<5 {
          memory[y * 32 + x * 8 + k] = make(place)
          place += 1
        }
      }
    }
    var values = [Float](repeating: .nan, count: 30)
    try memory.withUnsafeBytes {
      try readStrided($0, type: type, shape: shape, strides: strides, tensor: "t", into: &values)
    }
    #expect(values == (0..<30).map(Float.init))
  }

  @Test func paddedRowsOfEveryType() throws {
    try check(.float32, Float(-1)) { Float($0) }
    try check(.float64, Double(-1)) { Double($0) }
    let halves: [UInt16] = (0..<30).map { Self.halfBits($0) }
    try check(.float16, UInt16(0xbc00)) { halves[$0] }
  }

  /// Bits of a small whole number in half precision.
  private static func halfBits(_ value: Int) -> UInt16 {
    guard value > 0 else { return 0 }
    let exponent = Int.bitWidth - 1 - value.leadingZeroBitCount
    return UInt16((exponent + 15) << 10 | (value << (10 - exponent)) & 0x3ff)
  }

  @Test func halfPrecisionLandmarks() {
    #expect(floatFromHalf(0x3c00) == 1)
    #expect(floatFromHalf(0xc000) == -2)
    #expect(floatFromHalf(0x7bff) == 65504)
    #expect(floatFromHalf(0x0001) == 0x1p-24)
    #expect(floatFromHalf(0x8000).sign == .minus)
    #expect(floatFromHalf(0x7c00) == .infinity)
    #expect(floatFromHalf(0x7e00).isNaN)
  }

  @Test func memoryThatIsTooShortIsRefused() {
    let memory = [Float](repeating: 0, count: 63 - 27)
    var values = [Float](repeating: 0, count: 30)
    memory.withUnsafeBytes { bytes in
      #expect(throws: PoseError.self) {
        try readStrided(
          bytes, type: .float32, shape: shape, strides: strides, tensor: "t", into: &values)
      }
      #expect(throws: PoseError.self) {
        try readStrided(bytes, type: .float32, shape: [5], strides: [1], tensor: "t", into: &values)
      }
    }
  }
}
