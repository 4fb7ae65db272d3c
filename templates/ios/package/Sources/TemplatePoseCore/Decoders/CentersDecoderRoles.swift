// SPDX-License-Identifier: Apache-2.0

extension CentersDecoder {
  /// `count` channels of an output, from `first` on.
  struct Channels {
    let output: String
    let first: Int
    let count: Int

    init(settings: DecoderSettings, role: String, count: Int) throws(PoseError) {
      output = try settings.text("\(role).output")
      first = try settings.integer("\(role).first")
      self.count = count
      guard first >= 0 else { throw settings.wrong("\(role).first", expected: "a channel") }
    }

    func map(in maps: [String: OutputTensor]) -> Map {
      Map(tensor: maps[output] ?? OutputTensor(name: output, shape: [1, 1, first + count]), first: first)
    }
  }

  /// Channels of a tensor (h, w, any), from `first` on.
  struct Map {
    let tensor: OutputTensor
    let first: Int

    var width: Int { tensor.shape[1] }
    var height: Int { tensor.shape[0] }

    /// The value of a cell; outside of the map that of the nearest one.
    func at(_ x: Int, _ y: Int, _ channel: Int) -> Double {
      let cell = min(max(y, 0), height - 1) * width + min(max(x, 0), width - 1)
      return Double(tensor.values[cell * tensor.shape[2] + first + channel])
    }

    /// Between cells, rows first; (x, y) in cells.
    func between(_ x: Double, _ y: Double, _ channel: Int) -> Double {
      let (left, top) = (x.rounded(.down), y.rounded(.down))
      let (column, row) = (Int(left), Int(top))
      let before = blend(at(column, row, channel), at(column, row + 1, channel), y - top)
      let after = blend(at(column + 1, row, channel), at(column + 1, row + 1, channel), y - top)
      return blend(before, after, x - left)
    }

    private func blend(_ low: Double, _ high: Double, _ weight: Double) -> Double { low + (high - low) * weight }
  }

  /// Width and height of a box about a centre, in cells; without offsets its middle is that of the cell.
  struct BoxRule {
    let sizes: Channels
    let offsets: Channels?

    init(settings: DecoderSettings) throws(PoseError) {
      sizes = try Channels(settings: settings, role: "boxes.sizes", count: 2)
      let isOffset = settings.has("boxes.offsets.output")
      offsets = isOffset ? try Channels(settings: settings, role: "boxes.offsets", count: 2) : nil
    }

    func box(of center: Peak, in maps: [String: OutputTensor]) -> Box {
      let (middle, map) = (center.moved(by: offsets, in: maps), sizes.map(in: maps))
      let (width, height) = (map.at(center.x, center.y, 0), map.at(center.x, center.y, 1))
      return Box(
        left: middle.x - width / 2, top: middle.y - height / 2, right: middle.x + width / 2,
        bottom: middle.y + height / 2)
    }
  }

  /// Keypoints are moved to the nearest peak of their own heatmaps, if it is near and in the box.
  struct SnapRule {
    let peaks: PeakRule
    let offsets: Channels?
    private let distance: Double

    init(settings: DecoderSettings) throws(PoseError) {
      peaks = try PeakRule(settings: settings, role: "snapping", count: settings.keypointCount)
      let isOffset = settings.has("snapping.offsets.output")
      offsets = isOffset ? try Channels(settings: settings, role: "snapping.offsets", count: 2) : nil
      distance = try settings.number("snapping.distance")
    }

    /// Moves points, in cells; `found` are the peaks of each keypoint.
    func snap(_ points: inout [Point], to found: [[Peak]], within box: Box, in maps: [String: OutputTensor]) {
      let longer = max(box.right - box.left, box.bottom - box.top)
      for (k, own) in found.enumerated() {
        var nearest: (away: Double, point: Point)?
        for peak in own {
          let point = peak.moved(by: offsets, in: maps)
          let (x, y) = (points[k].x - point.x, points[k].y - point.y)
          let away = (x * x + y * y).squareRoot()
          if away < nearest?.away ?? .infinity { nearest = (away, point) }
        }
        guard let nearest, nearest.away <= longer * distance, nearest.point.x >= box.left,
          nearest.point.x <= box.right, nearest.point.y >= box.top, nearest.point.y <= box.bottom
        else { continue }
        points[k] = nearest.point
      }
    }
  }

  /// Heatmaps in which keypoints are scored: at a whole px of the maps brought to the input's size, or between cells.
  struct ScoreRule {
    enum Read: String, CaseIterable { case floor, bilinear }

    let channels: Channels
    private let read: Read

    init(settings: DecoderSettings) throws(PoseError) {
      channels = try Channels(settings: settings, role: "scoring", count: settings.keypointCount)
      read = try settings.choice("scoring.read")
    }

    /// The heat of keypoint `k` at a point in cells.
    func heat(of k: Int, at point: Point, stride: Int, in maps: [String: OutputTensor]) -> Double {
      let map = channels.map(in: maps)
      if read == .floor {
        return map.between(wholePx(point.x, map.width, stride), wholePx(point.y, map.height, stride), k)
      }
      return map.between(spanned(point.x, map.width), spanned(point.y, map.height), k)
    }

    /// Where the px of a coordinate lies among the cells.
    private func wholePx(_ value: Double, _ cells: Int, _ stride: Int) -> Double {
      let px = min(max((value * Double(stride)).rounded(.down), 0), Double(cells * stride - 1))
      return (px + 0.5) * (Double(cells) / Double(cells * stride)) - 0.5
    }

    /// MMPose's cells span 0 to n - 1 where it looks them up, and 0 to n where it reads them.
    private func spanned(_ value: Double, _ cells: Int) -> Double {
      min(max(value * (Double(cells) / Double(max(cells - 1, 1))) - 0.5, 0), Double(cells - 1))
    }
  }
}
