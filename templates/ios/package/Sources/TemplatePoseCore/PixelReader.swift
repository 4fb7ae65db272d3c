// SPDX-License-Identifier: Apache-2.0

/// Reads the colours of a stored picture.
protocol PixelReader {
  /// Red, green and blue, 0-255, of a px that the picture has.
  func color(_ column: Int, _ row: Int) -> SIMD4<Float>
}

/// Pixels of red, green and blue.
struct PackedPixels: PixelReader {
  private let bytes: UnsafePointer<UInt8>
  private let bytesPerRow: Int
  private let bytesPerPixel: Int
  private let red: Int
  private let blue: Int
  private let before: Int  // bytes of the picture that are not there, as only a part of it is

  /// - Parameter part: where in the picture the bytes begin.
  init(
    bytes: UnsafePointer<UInt8>, bytesPerRow: Int, order: ChannelOrder, part: (left: Int, top: Int) = (0, 0)
  ) {
    self.bytes = bytes
    self.bytesPerRow = bytesPerRow
    bytesPerPixel = order.bytesPerPixel
    before = part.top * bytesPerRow + part.left * order.bytesPerPixel
    red = order.red
    blue = order.blue
  }

  @inline(__always)
  func color(_ column: Int, _ row: Int) -> SIMD4<Float> {
    let pixel = bytes + (row &* bytesPerRow &+ column &* bytesPerPixel &- before)
    return SIMD4(Float(pixel[red]), Float(pixel[1]), Float(pixel[blue]), 0)
  }
}

/// Pixels in planes of Y, U and V; a px takes the colour of the 2 x 2 px that it belongs to.
struct YuvPixels: PixelReader {
  private let y: UnsafePointer<UInt8>
  private let u: UnsafePointer<UInt8>
  private let v: UnsafePointer<UInt8>
  private let rowStrides: SIMD4<Int>  // of y, u and v
  private let sampleStrides: SIMD4<Int>
  private let conversion: YuvConversion

  init(
    y: PlaneView, u: PlaneView, v: PlaneView, width: Int, height: Int, colors: YuvColors
  ) throws(PoseError) {
    let (columns, rows) = (width / 2 + width % 2, height / 2 + height % 2)
    self.y = try y.checked("Y", width: width, height: height, sampleBytes: 1)
    self.u = try u.checked("U", width: columns, height: rows, sampleBytes: 1)
    self.v = try v.checked("V", width: columns, height: rows, sampleBytes: 1)
    rowStrides = SIMD4(y.bytesPerRow, u.bytesPerRow, v.bytesPerRow, 0)
    sampleStrides = SIMD4(y.bytesPerSample, u.bytesPerSample, v.bytesPerSample, 0)
    conversion = YuvConversion(colors)
  }

  @inline(__always)
  func color(_ column: Int, _ row: Int) -> SIMD4<Float> {
    let (halfColumn, halfRow) = (column >> 1, row >> 1)
    return conversion.color(
      y: y[row &* rowStrides.x &+ column &* sampleStrides.x],
      u: u[halfRow &* rowStrides.y &+ halfColumn &* sampleStrides.y],
      v: v[halfRow &* rowStrides.z &+ halfColumn &* sampleStrides.z])
  }
}
