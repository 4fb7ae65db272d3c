// SPDX-License-Identifier: Apache-2.0

import CoreGraphics
import UIKit
import TemplatePose
import TemplatePoseCore

/// A dense result as a picture of its cells; a `CGImage` never changes, so it may cross threads.
struct DenseTint: @unchecked Sendable {
  let cells: CGImage
  let toPicture: Affine

  /// Nil where it has no cells, or no picture of them can be made.
  init?(_ map: DenseMap) {
    let (width, height) = (map.size.width, map.size.height)
    guard let cells = picture(of: tinted(map), width: width, height: height) else { return nil }
    self.cells = cells
    toPicture = map.toPicture
  }
}

/// Red, green, blue and alpha of every cell, the colours already times alpha: each label has its own, the background
/// has none, and a mask is the stronger the surer it is.
private func tinted(_ map: DenseMap) -> [UInt8] {
  let colors = (0...map.labels.count).map { label in label == 0 ? Rgb.none : Rgb(hue: spread(label)) }
  var bytes: [UInt8] = []
  bytes.reserveCapacity(4 * map.values.count)
  for value in map.values {
    let isMask = map.threshold != nil
    let label = isMask ? 1 : Int(value)
    let color = colors.indices.contains(label) ? colors[label] : .none
    let strength = isMask ? min(max(value, 0), 1) : 1
    let alpha = label == 0 ? 0 : 0.5 * strength
    for part in [color.red, color.green, color.blue, 1] { bytes.append(UInt8(255 * part * alpha)) }
  }
  return bytes
}

private struct Rgb {
  static let none = Rgb(red: 0, green: 0, blue: 0)

  let red: Float
  let green: Float
  let blue: Float

  init(red: Float, green: Float, blue: Float) {
    self.red = red
    self.green = green
    self.blue = blue
  }

  /// A full colour of the wheel.
  init(hue: Double) {
    func part(_ turn: Double) -> Float {
      let place = (hue * 6 + turn).truncatingRemainder(dividingBy: 6)
      return Float(1 - max(0, min(place, 4 - place, 1)))
    }
    self.init(red: part(5), green: part(3), blue: part(1))
  }
}

private func picture(of bytes: [UInt8], width: Int, height: Int) -> CGImage? {
  guard width > 0, height > 0, bytes.count == 4 * width * height,
    let provider = CGDataProvider(data: Data(bytes) as CFData)
  else { return nil }
  return CGImage(
    width: width, height: height, bitsPerComponent: 8, bitsPerPixel: 32, bytesPerRow: 4 * width,
    space: CGColorSpaceCreateDeviceRGB(),
    bitmapInfo: CGBitmapInfo(rawValue: CGImageAlphaInfo.premultipliedLast.rawValue), provider: provider,
    decode: nil, shouldInterpolate: true, intent: .defaultIntent)
}

/// Draws the cells where they are: their middles come to where the mapping puts them.
func draw(_ tint: DenseTint, through mapping: ViewMapping, in context: CGContext) {
  func view(_ column: Double, _ row: Double) -> TemplatePoseCore.Point {
    mapping.toView(tint.toPicture.apply(TemplatePoseCore.Point(x: column, y: row)))
  }
  let (start, right, down) = (view(0, 0), view(1, 0), view(0, 1))
  context.saveGState()
  context.concatenate(
    CGAffineTransform(
      a: right.x - start.x, b: right.y - start.y, c: down.x - start.x, d: down.y - start.y, tx: start.x, ty: start.y))
  let (width, height) = (Double(tint.cells.width), Double(tint.cells.height))
  UIImage(cgImage: tint.cells).draw(in: CGRect(x: -0.5, y: -0.5, width: width, height: height))
  context.restoreGState()
}
