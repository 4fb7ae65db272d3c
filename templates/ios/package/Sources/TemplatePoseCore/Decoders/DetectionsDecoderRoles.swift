// SPDX-License-Identifier: Apache-2.0

import Foundation

extension DetectionsDecoder {
  /// What a number counts in: input px; 0 to 1 over the input; the candidate's cell, times its stride.
  enum Unit: String, CaseIterable {
    case inputPx = "input_px"
    case unit
    case cells
  }

  /// What turns a raw score into a score.
  enum Activation: String, CaseIterable {
    case none
    case sigmoid

    @inline(__always)
    func callAsFunction(_ raw: Double) -> Double { self == .sigmoid ? TemplatePoseCore.sigmoid(raw) : raw }
  }

  /// Four channels that are a candidate's box.
  struct BoxRole {
    /// `ltrb` are the distances from the anchor to the sides; `cxcywhExp` has the logarithms of the sides.
    enum Format: String, CaseIterable {
      case xyxy
      case yxyx
      case xywh
      case cxcywh
      case ltrb
      case cxcywhExp = "cxcywh_exp"
    }

    let outputs: [String]
    let first: Int
    private let format: Format
    private let unit: Unit
    private let shift: Double

    init(settings: DecoderSettings) throws(PoseError) {
      outputs = try settings.texts("boxes.outputs")
      first = try settings.integer("boxes.first", atLeast: 0)
      format = try settings.choice("boxes.format")
      unit = try settings.choice("boxes.unit")
      shift = try settings.number("boxes.shift")
      try settings.needsStrides(unit, "boxes.unit")
      switch format {
      case .ltrb, .cxcywhExp:
        if unit != .cells { throw settings.wrong("boxes.unit", expected: "cells for boxes of that format") }
      case .xyxy, .yxyx, .xywh:
        if unit == .cells { throw settings.wrong("boxes.unit", expected: "no cells for boxes of that format") }
      case .cxcywh: break
      }
    }

    /// The box that four numbers stand for, input px.
    /// - Parameter scale: input px that 1 is in `Unit.unit`.
    func box(_ a: Double, _ b: Double, _ c: Double, _ d: Double, cell: Cell, scale: Point) -> Box {
      let (anchorX, anchorY) = (cell.column + shift, cell.row + shift)
      var (x, y, width, height) = format == .yxyx ? (b, a, d, c) : (a, b, c, d)
      switch (unit, format) {
      case (.cells, .ltrb):
        return Box(
          left: (anchorX - a) * cell.stride, top: (anchorY - b) * cell.stride, right: (anchorX + c) * cell.stride,
          bottom: (anchorY + d) * cell.stride)
      case (.cells, _):
        (x, y) = ((a + anchorX) * cell.stride, (b + anchorY) * cell.stride)
        (width, height) = format == .cxcywhExp ? (exp(c), exp(d)) : (c, d)
        (width, height) = (width * cell.stride, height * cell.stride)
      case (.unit, _):
        (x, y, width, height) = (x * scale.x, y * scale.y, width * scale.x, height * scale.y)
      case (.inputPx, _): break
      }
      switch format {
      case .cxcywh, .cxcywhExp:
        return Box(left: x - width / 2, top: y - height / 2, right: x + width / 2, bottom: y + height / 2)
      case .xywh: return Box(left: x, top: y, right: x + width, bottom: y + height)
      case .xyxy, .yxyx, .ltrb: return Box(left: x, top: y, right: width, bottom: height)
      }
    }
  }

  /// The chance that a candidate is anything at all: one channel.
  struct ObjectnessRole {
    let outputs: [String]
    let channel: Int
  }

  /// One channel a class, of which `person` is a person.
  struct ScoreRole {
    let outputs: [String]
    let first: Int
    let count: Int
    let person: Int
    /// Of the scores and of `objectness`.
    let activation: Activation
    /// What the scores are multiplied with.
    let objectness: ObjectnessRole?
    /// Where a row says itself which class its one score is of.
    let classChannel: Int?

    init(settings: DecoderSettings) throws(PoseError) {
      outputs = try settings.texts("scores.outputs")
      first = try settings.integer("scores.first", atLeast: 0)
      count = try settings.integer("scores.count", atLeast: 1)
      person = try settings.integer("scores.person", atLeast: 0)
      activation = try settings.choice("scores.activation")
      objectness =
        settings.has("scores.objectness.outputs")
        ? ObjectnessRole(
          outputs: try settings.texts("scores.objectness.outputs"),
          channel: try settings.integer("scores.objectness.channel", atLeast: 0))
        : nil
      classChannel =
        settings.has("scores.class_channel") ? try settings.integer("scores.class_channel", atLeast: 0) : nil
      if classChannel != nil, count > 1 {
        throw settings.wrong("scores.count", expected: "1 where a row says its class")
      }
      if classChannel == nil, person >= count {
        throw settings.wrong("scores.person", expected: "one of \(count) classes, counted from 0")
      }
    }

    /// A raw score up to which no candidate is above `confidence`. A logit's unit of room is more than rounding moves it.
    func floor(of confidence: Double) -> Double {
      switch activation {
      case .sigmoid: log(confidence / (1 - confidence)) - 1
      case .none: objectness == nil ? confidence : -.infinity
      }
    }
  }

  /// K times the numbers of the fields.
  struct KeypointRole {
    /// What a number is.
    enum Field: String, CaseIterable { case x, y, score, skip }

    let outputs: [String]
    let first: Int
    let fieldCount: Int
    let columnX: Int
    let columnY: Int
    /// nil where a keypoint has its person's confidence.
    let columnScore: Int?
    let activation: Activation
    private let unit: Unit
    private let factor: Double
    private let shift: Double

    init(settings: DecoderSettings) throws(PoseError) {
      outputs = try settings.texts("keypoints.outputs")
      first = try settings.integer("keypoints.first", atLeast: 0)
      let fields: [Field] = try settings.choices("keypoints.fields")
      guard let x = fields.firstIndex(of: .x), let y = fields.firstIndex(of: .y) else {
        throw settings.wrong("keypoints.fields", expected: "x and y among them")
      }
      (fieldCount, columnX, columnY) = (fields.count, x, y)
      columnScore = fields.firstIndex(of: .score)
      activation = try settings.choice("keypoints.activation")
      unit = try settings.choice("keypoints.unit")
      factor = try settings.number("keypoints.factor")
      shift = try settings.number("keypoints.shift")
      try settings.needsStrides(unit, "keypoints.unit")
    }

    /// Where a keypoint is, input px.
    /// - Parameter scale: input px that 1 is in `Unit.unit`.
    func place(_ x: Double, _ y: Double, cell: Cell, scale: Point) -> Point {
      switch unit {
      case .cells:
        Point(
          x: (factor * x + (cell.column + shift)) * cell.stride, y: (factor * y + (cell.row + shift)) * cell.stride)
      case .unit: Point(x: x * scale.x, y: y * scale.y)
      case .inputPx: Point(x: x, y: y)
      }
    }
  }
}
