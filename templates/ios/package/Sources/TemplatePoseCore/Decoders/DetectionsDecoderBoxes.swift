// SPDX-License-Identifier: Apache-2.0

import Foundation

extension DetectionsDecoder {
  /// The channels that are a candidate's box.
  struct BoxRole {
    /// `ltrb` are the distances from the anchor to the sides, `ltrbBins` the logits of whole ones; `cxcywhExp` and
    /// `cycxhwExp` have the logarithms of the sides; of `cxcywhTanh` the centre is a tanh and the sides are a sigmoid of
    /// the input's.
    enum Format: String, CaseIterable {
      case xyxy
      case yxyx
      case xywh
      case cxcywh
      case ltrb
      case ltrbBins = "ltrb_bins"
      case cxcywhExp = "cxcywh_exp"
      case cycxhwExp = "cycxhw_exp"
      case cxcywhTanh = "cxcywh_tanh"

      func fits(_ unit: Unit) -> Bool {
        switch self {
        case .xyxy, .yxyx, .xywh: !unit.isOnLevels
        case .cxcywh: true
        case .ltrb: unit == .cells || unit == .anchorPx
        case .ltrbBins, .cxcywhTanh: unit == .cells
        case .cxcywhExp, .cycxhwExp: unit == .cells || unit == .anchors
        }
      }
    }

    let outputs: [String]
    let first: Int
    /// Numbers that stand for one of the four.
    let bins: Int
    private let format: Format
    private let unit: Unit
    private let shift: Double
    private let variances: (center: Double, sides: Double)

    init(settings: DecoderSettings) throws(PoseError) {
      outputs = try settings.texts("boxes.outputs")
      first = try settings.integer("boxes.first", atLeast: 0)
      format = try settings.choice("boxes.format")
      unit = try settings.choice("boxes.unit")
      shift = try settings.number("boxes.shift")
      bins = format == .ltrbBins ? try settings.integer("boxes.bins", atLeast: 1) : 1
      let found = settings.has("boxes.variances") ? try settings.numbers("boxes.variances") : [1, 1]
      guard found.count == 2, found.allSatisfy({ $0 > 0 }) else {
        throw settings.wrong("boxes.variances", expected: "2 numbers above 0")
      }
      variances = (found[0], found[1])
      try settings.needsStrides(unit, "boxes.unit")
      guard format.fits(unit) else { throw settings.wrong("boxes.unit", expected: "a unit of boxes of that format") }
      let sizes = settings.has("anchors.widths") ? try settings.numbers("anchors.widths") : []
      if unit == .anchors, sizes.isEmpty {
        throw settings.wrong("anchors.widths", expected: "those of the anchors of a cell")
      }
    }

    /// The box that four numbers stand for, input px.
    /// - Parameter extent: input px that 1 is in `Unit.unit`.
    func box(_ a: Double, _ b: Double, _ c: Double, _ d: Double, cell: Cell, extent: Point) -> Box {
      let isYFirst = format == .yxyx || format == .cycxhwExp
      let (firstX, firstY, secondX, secondY) = isYFirst ? (b, a, d, c) : (a, b, c, d)
      let size = cell.size
      let across = ends(firstX, secondX, cell.column + shift, pitch: cell.pitch.x, size: size.x, extent: extent.x)
      let down = ends(firstY, secondY, cell.row + shift, pitch: cell.pitch.y, size: size.y, extent: extent.y)
      return Box(left: across.start, top: down.start, right: across.end, bottom: down.end)
    }

    /// Where a box starts and ends on one axis, input px.
    /// - Parameters:
    ///   - anchor: in cells.
    ///   - size: of the anchor.
    private func ends(
      _ first: Double, _ second: Double, _ anchor: Double, pitch: Double, size: Double, extent: Double
    ) -> (start: Double, end: Double) {
      let step = unit == .cells ? pitch : 1
      switch format {
      case .ltrb, .ltrbBins: return (anchor * pitch - first * step, anchor * pitch + second * step)
      case .cxcywhTanh: return around((anchor + tanh(first)) * pitch, sigmoid(second) * extent)
      case .cxcywhExp, .cycxhwExp:
        let scale = unit == .cells ? pitch : size
        return around(first / variances.center * scale + anchor * pitch, exp(second / variances.sides) * scale)
      case .cxcywh:
        switch unit {
        case .cells: return around((first + anchor) * pitch, second * pitch)
        case .anchorPx: return around(first + anchor * pitch, second)
        case .anchors:
          return around(first / variances.center * size + anchor * pitch, second / variances.sides * size)
        case .unit: return around(first * extent, second * extent)
        case .inputPx: return around(first, second)
        }
      case .xyxy, .yxyx, .xywh:
        let scale = unit == .unit ? extent : 1
        return (first * scale, format == .xywh ? (first + second) * scale : second * scale)
      }
    }

    private func around(_ center: Double, _ side: Double) -> (start: Double, end: Double) {
      (center - side / 2, center + side / 2)
    }
  }

  /// Number `which` of a candidate's box; of bins the whole number that is to be expected.
  func boxNumber(_ which: Int, of place: Int, _ outputs: [OutputTensor]) -> Double {
    let first = boxes.first + which * boxes.bins
    if boxes.bins == 1 { return Double(boxNumbers.value(first, of: place, in: outputs)) }
    var most = -Float.infinity
    for bin in 0..<boxes.bins { most = max(most, boxNumbers.value(first + bin, of: place, in: outputs)) }
    var (sum, weighed) = (0.0, 0.0)
    for bin in 0..<boxes.bins {
      let chance = exp(Double(boxNumbers.value(first + bin, of: place, in: outputs)) - Double(most))
      sum += chance
      weighed += chance * Double(bin)
    }
    return weighed / sum
  }
}
