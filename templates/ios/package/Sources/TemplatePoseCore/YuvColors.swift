// SPDX-License-Identifier: Apache-2.0

/// What the numbers of YUV planes mean.
public struct YuvColors: Equatable, Sendable {
  /// Which weights of red, green and blue make Y: those of ITU-R BT.601 or BT.709.
  public enum Matrix: String, Sendable {
    case bt601
    case bt709

    var weights: (red: Double, blue: Double) { self == .bt601 ? (0.299, 0.114) : (0.2126, 0.0722) }
  }

  /// Whether black to white is 0 to 255 (`420f`) or 16 to 235 (`420v`).
  public enum Range: String, Sendable {
    case full
    case video
  }

  public let matrix: Matrix
  public let range: Range

  public init(matrix: Matrix = .bt601, range: Range = .full) {
    self.matrix = matrix
    self.range = range
  }
}

/// How Y, U and V become red, green and blue: whole numbers, in 65536ths.
///
/// Mirrors posekit/poses/yuv.py, to the bit.
struct YuvConversion {
  private static let bits: Int32 = 16

  private let black: Int32
  private let luma: Int32
  private let redV: Int32
  private let greenU: Int32
  private let greenV: Int32
  private let blueU: Int32

  init(_ colors: YuvColors) {
    let isFull = colors.range == .full
    let chroma = isFull ? 1 : 255.0 / 224
    let (red, blue) = colors.matrix.weights
    let green = 1 - red - blue
    func fixed(_ value: Double) -> Int32 { Int32((value * Double(1 << Self.bits) + 0.5).rounded(.down)) }
    black = isFull ? 0 : 16
    luma = fixed(isFull ? 1 : 255.0 / 219)
    redV = fixed(2 * (1 - red) * chroma)
    greenU = fixed(-2 * blue * (1 - blue) / green * chroma)
    greenV = fixed(-2 * red * (1 - red) / green * chroma)
    blueU = fixed(2 * (1 - blue) * chroma)
  }

  /// Red, green and blue, 0-255.
  @inline(__always)
  func color(y: UInt8, u: UInt8, v: UInt8) -> SIMD4<Float> {
    let light = luma &* (Int32(y) &- black) &+ (1 << (Self.bits - 1))
    let (blueness, redness) = (Int32(u) &- 128, Int32(v) &- 128)
    return SIMD4(
      level(light &+ redV &* redness), level(light &+ greenU &* blueness &+ greenV &* redness),
      level(light &+ blueU &* blueness), 0)
  }

  @inline(__always)
  private func level(_ value: Int32) -> Float { Float(min(max(value >> Self.bits, 0), 255)) }
}
