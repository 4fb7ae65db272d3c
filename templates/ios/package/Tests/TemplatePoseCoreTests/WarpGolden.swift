// SPDX-License-Identifier: Apache-2.0

import Foundation
import TemplatePoseCore

struct WarpCase: Decodable {
  struct Input: Decodable {
    let sizeWh: [Int]
    let resize: String
    let boxPadding: Double
    let padValue: Double
    let alignment: String
    let sampling: String
    let anchor: String
    let rounding: String
    let oddPixel: String
    let enlarge: Bool
    let outside: String
  }

  let name: String
  let input: Input
  let imageSizeWh: [Int]
  let imageRgb: Data
  let rotationDegrees: Int
  let mirrored: Bool
  let boxXyxy: [Double]
  let regionKind: String
  let region: RegionCase
  let matrix: [Double]
  let contentXyxy: [Int]
  let pointsSource: [Double]
  let pointsInput: [Double]
  let tensor: Data

  func spec() throws -> InputSpec {
    InputSpec(
      size: PixelSize(width: input.sizeWh[0], height: input.sizeWh[1]),
      resize: try known(input.resize), boxPadding: input.boxPadding,
      padValue: input.padValue, alignment: try known(input.alignment),
      sampling: try known(input.sampling), anchor: try known(input.anchor),
      rounding: try known(input.rounding), oddPixel: try known(input.oddPixel), enlarge: input.enlarge,
      outside: try known(input.outside))
  }

  var stored: PixelSize { PixelSize(width: imageSizeWh[0], height: imageSizeWh[1]) }

  /// The picture in another channel order, with `padding` stray bytes after each row.
  func pixels(order: ChannelOrder, padding: Int) -> (bytes: [UInt8], bytesPerRow: Int) {
    let step = order.bytesPerPixel
    let bytesPerRow = stored.width * step + padding
    var bytes = [UInt8](repeating: 77, count: bytesPerRow * stored.height)
    for y in 0..<stored.height {
      for x in 0..<stored.width {
        let source = (y * stored.width + x) * 3
        let target = y * bytesPerRow + x * step
        let channels = order == .bgra ? [2, 1, 0] : [0, 1, 2]
        for (place, channel) in channels.enumerated() {
          bytes[target + place] = imageRgb[source + channel]
        }
      }
    }
    return (bytes, bytesPerRow)
  }
}

struct WarpErrors: Encodable {
  var cases = 0
  var grey = 0.0
  var matrix = 0.0
  var region = 0.0
  var points = 0.0
  var contentMismatches = 0
}

func checkWarp(folder: URL) throws -> WarpErrors {
  var errors = WarpErrors()
  for item in try read("warp.json", WarpCase.self, folder: folder) {
    errors.cases += 1
    let input = try item.spec()
    let orientation = try Orientation(
      rotationDegrees: item.rotationDegrees, mirrored: item.mirrored)
    let region = try checkRegion(item, input, orientation, &errors)
    let transform = try inputTransform(region: region, input: input)
    checkTransform(item, transform, &errors)
    let expected = floats(item.tensor)
    let others = [(ChannelOrder.rgb, 5), (.bgra, 12), (.rgba, 0)]
    for (order, padding) in [(.rgb, 0), others[errors.cases % others.count]] {
      let picture = item.pixels(order: order, padding: padding)
      var found = [Float](repeating: .nan, count: input.valueCount)
      try picture.bytes.withUnsafeBytes { bytes in
        let view = try PixelView(
          bytes, width: item.stored.width, height: item.stored.height,
          bytesPerRow: picture.bytesPerRow, order: order)
        try found.withUnsafeMutableBufferPointer {
          try warp(view, transform: transform, input: input, orientation: orientation, into: $0)
        }
      }
      errors.grey = max(errors.grey, largestDifference(found, expected))
    }
  }
  return errors
}

private func checkRegion(
  _ item: WarpCase, _ input: InputSpec, _ orientation: Orientation, _ errors: inout WarpErrors
) throws -> Region {
  let region = try item.region.region()
  let upright = uprightSize(storedSize: item.stored, orientation: orientation)
  let box = Box(
    left: item.boxXyxy[0], top: item.boxXyxy[1], right: item.boxXyxy[2],
    bottom: item.boxXyxy[3])
  if item.regionKind == "frame" {
    let made = try frameRegion(sourceSize: upright, input: input)
    errors.region = max(errors.region, item.region.difference(made))
  } else if item.regionKind == "crop" {
    let made = try regionFromBox(box, size: input.size, padding: input.boxPadding)
    errors.region = max(errors.region, item.region.difference(made))
  }
  return region
}

private func checkTransform(
  _ item: WarpCase, _ transform: InputTransform, _ errors: inout WarpErrors
) {
  let m = transform.matrix
  errors.matrix = max(
    errors.matrix, largestDifference([m.a, m.b, m.tx, m.c, m.d, m.ty], item.matrix))
  let content = [
    transform.contentColumns.lowerBound, transform.contentRows.lowerBound,
    transform.contentColumns.upperBound, transform.contentRows.upperBound,
  ]
  if content != item.contentXyxy { errors.contentMismatches += 1 }
  for index in stride(from: 0, to: item.pointsSource.count, by: 2) {
    let source = Point(x: item.pointsSource[index], y: item.pointsSource[index + 1])
    let found = transform.toInput(source)
    let back = transform.toSource(found)
    errors.points = max(
      errors.points,
      largestDifference([found.x, found.y], Array(item.pointsInput[index...index + 1])),
      largestDifference([back.x, back.y], [source.x, source.y]))
  }
}
