// SPDX-License-Identifier: Apache-2.0

import Foundation

/// SHA-256 (FIPS 180-4). The same code on every platform, so that what is tested anywhere runs on the device.
package struct Sha256 {
  private var state: [UInt32] = [
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
  ]
  private var pending = Data()  // less than a block
  private var byteCount: UInt64 = 0

  package init() {}

  package mutating func update(_ data: Data) {
    byteCount += UInt64(data.count)
    var rest = data[...]
    if !pending.isEmpty {
      let missing = rest.prefix(64 - pending.count)
      pending.append(missing)
      rest = rest.dropFirst(missing.count)
      guard pending.count == 64 else { return }
      pending.withUnsafeBytes { absorb($0) }
      pending.removeAll()
    }
    let whole = rest.count / 64 * 64
    rest.prefix(whole).withUnsafeBytes { absorb($0) }
    pending = Data(rest.dropFirst(whole))
  }

  /// 64 lower case hexadecimal digits of everything so far.
  package func hexadecimal() -> String {
    var last = self
    var padding = Data([0x80])
    padding.append(Data(count: (119 - pending.count) % 64))
    withUnsafeBytes(of: (byteCount * 8).bigEndian) { padding.append(contentsOf: $0) }
    last.update(padding)
    let digits = Array("0123456789abcdef")
    var text = ""
    for word in last.state {
      for shift in stride(from: 28, through: 0, by: -4) { text.append(digits[Int(word >> UInt32(shift)) & 15]) }
    }
    return text
  }

  /// Takes in whole blocks of 64 bytes.
  private mutating func absorb(_ blocks: UnsafeRawBufferPointer) {
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { schedule in
      Self.constants.withUnsafeBufferPointer { constants in
        state.withUnsafeMutableBufferPointer { state in
          for start in stride(from: 0, to: blocks.count, by: 64) {
            for word in 0..<16 {
              schedule[word] = UInt32(
                bigEndian: blocks.loadUnaligned(fromByteOffset: start + word * 4, as: UInt32.self))
            }
            compress(schedule, constants, into: state)
          }
        }
      }
    }
  }

  private static let constants: [UInt32] = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
    0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
    0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
    0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
    0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
    0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
    0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
  ]
}

/// One block, whose 16 words stand at the start of `schedule`.
private func compress(
  _ schedule: UnsafeMutableBufferPointer<UInt32>, _ constants: UnsafeBufferPointer<UInt32>,
  into state: UnsafeMutableBufferPointer<UInt32>
) {
  for word in 16..<64 {
    let (early, late) = (schedule[word - 15], schedule[word - 2])
    let small = turned(early, 7) ^ turned(early, 18) ^ (early >> 3)
    let large = turned(late, 17) ^ turned(late, 19) ^ (late >> 10)
    schedule[word] = schedule[word - 16] &+ small &+ schedule[word - 7] &+ large
  }
  var (a, b, c, d) = (state[0], state[1], state[2], state[3])
  var (e, f, g, h) = (state[4], state[5], state[6], state[7])
  for round in 0..<64 {
    let choice = (e & f) ^ (~e & g)
    let first =
      h &+ (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) &+ choice &+ constants[round] &+ schedule[round]
    let majority = (a & b) ^ (a & c) ^ (b & c)
    let second = (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) &+ majority
    (h, g, f, e) = (g, f, e, d &+ first)
    (d, c, b, a) = (c, b, a, first &+ second)
  }
  state[0] &+= a
  state[1] &+= b
  state[2] &+= c
  state[3] &+= d
  state[4] &+= e
  state[5] &+= f
  state[6] &+= g
  state[7] &+= h
}

@inline(__always)
private func turned(_ word: UInt32, _ bits: UInt32) -> UInt32 { word >> bits | word << (32 - bits) }
