// SPDX-License-Identifier: Apache-2.0

import Foundation
import TemplatePoseCore

/// A case of yuv.json.
struct YuvCase: Decodable {
  struct Plane: Decodable {
    let bytes: Data
    let rowStride: Int
    let pixelStride: Int
    let offset: Int
  }

  let name: String
  let sizeWh: [Int]
  let matrix: String
  let range: String
  let y: Plane
  let u: Plane
  let v: Plane
  let rgb: Data
}

struct YuvErrors: Encodable {
  var cases = 0
  var grey = 0.0
}

/// Every frame sampled at its own size, which gives its px as they are.
func checkYuv(folder: URL) throws -> YuvErrors {
  var errors = YuvErrors()
  for item in try read("yuv.json", YuvCase.self, folder: folder) {
    errors.cases += 1
    let (width, height) = (item.sizeWh[0], item.sizeWh[1])
    let input = InputSpec(
      size: PixelSize(width: width, height: height), resize: .stretch, boxPadding: 1, padValue: 0,
      alignment: .halfPixel)
    let transform = try inputTransform(
      region: try frameRegion(sourceSize: input.size, input: input), input: input)
    var found = [Float](repeating: .nan, count: input.valueCount)
    let colors = YuvColors(matrix: try known(item.matrix), range: try known(item.range))
    try withPlanes(item) { y, u, v in
      let view = try PixelView(y: y, u: u, v: v, width: width, height: height, colors: colors)
      try found.withUnsafeMutableBufferPointer { try warp(view, transform: transform, input: input, into: $0) }
    }
    errors.grey = max(errors.grey, largestDifference(found, item.rgb.map(Float.init)))
  }
  return errors
}

private func withPlanes(_ item: YuvCase, _ body: (PlaneView, PlaneView, PlaneView) throws -> Void) throws {
  func view(_ plane: YuvCase.Plane, _ bytes: UnsafeRawBufferPointer) -> PlaneView {
    PlaneView(
      UnsafeRawBufferPointer(rebasing: bytes[plane.offset...]), bytesPerRow: plane.rowStride,
      bytesPerSample: plane.pixelStride)
  }
  try item.y.bytes.withUnsafeBytes { y in
    try item.u.bytes.withUnsafeBytes { u in
      try item.v.bytes.withUnsafeBytes { v in
        try body(view(item.y, y), view(item.u, u), view(item.v, v))
      }
    }
  }
}
