// SPDX-License-Identifier: Apache-2.0

import Foundation

extension DetectionsDecoder {
  /// What a number counts in: input px; 0 to 1 over the input; the candidate's cell, times its stride; px or
  /// sizes of its anchor.
  enum Unit: String, CaseIterable {
    case inputPx = "input_px"
    case unit
    case cells
    case anchorPx = "anchor_px"
    case anchors

    /// Whether numbers count from the candidate's cell.
    var isOnLevels: Bool { self != .inputPx && self != .unit }
  }

  /// What turns a raw score into a score.
  enum Activation: String, CaseIterable {
    case none
    case sigmoid

    @inline(__always)
    func callAsFunction(_ raw: Double) -> Double { self == .sigmoid ? TemplatePoseCore.sigmoid(raw) : raw }
  }

  /// What a raw score is worth: clipped, a sigmoid of it where it is a logit, raised to a power.
  struct Chance {
    let activation: Activation
    let clip: Double?
    let power: Double?

    init(settings: DecoderSettings, power name: String) throws(PoseError) {
      activation = try settings.choice("scores.activation")
      clip = settings.has("scores.clip") ? try settings.numberAbove0("scores.clip") : nil
      power = settings.has(name) ? try settings.numberAbove0(name) : nil
    }

    @inline(__always)
    func callAsFunction(_ raw: Float) -> Double {
      let inside = clip.map { min(max(Double(raw), -$0), $0) } ?? Double(raw)
      let chance = activation(inside)
      return power.map { pow(max(chance, 0), $0) } ?? chance
    }
  }

  /// The chance that a candidate is anything at all: one channel.
  struct ObjectnessRole {
    let outputs: [String]
    let channel: Int
    let chance: Chance
  }

  /// One channel a class, of which `person` is a person.
  struct ScoreRole {
    let outputs: [String]
    let first: Int
    let count: Int
    let person: Int
    let chance: Chance
    /// What the scores are multiplied with.
    let objectness: ObjectnessRole?
    /// Where a row says itself which class its one score is of.
    let classChannel: Int?

    init(settings: DecoderSettings) throws(PoseError) {
      outputs = try settings.texts("scores.outputs")
      first = try settings.integer("scores.first", atLeast: 0)
      count = try settings.integer("scores.count", atLeast: 1)
      person = try settings.integer("scores.person", atLeast: 0)
      chance = try Chance(settings: settings, power: "scores.power")
      objectness =
        settings.has("scores.objectness.outputs")
        ? ObjectnessRole(
          outputs: try settings.texts("scores.objectness.outputs"),
          channel: try settings.integer("scores.objectness.channel", atLeast: 0),
          chance: try Chance(settings: settings, power: "scores.objectness.power"))
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
      if chance.power != nil { return -.infinity }
      let found =
        switch chance.activation {
        case .sigmoid: log(confidence / (1 - confidence)) - 1
        case .none: objectness == nil ? confidence : -.infinity
        }
      return chance.clip.map { found < -$0 ? -.infinity : found } ?? found
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
      if unit == .anchors { throw settings.wrong("keypoints.unit", expected: "px, cells or 0 to 1") }
    }

    /// Where a keypoint is, input px.
    /// - Parameter scale: input px that 1 is in `Unit.unit`.
    func place(_ x: Double, _ y: Double, cell: Cell, scale: Point) -> Point {
      switch unit {
      case .cells:
        Point(
          x: (factor * x + (cell.column + shift)) * cell.pitch.x, y: (factor * y + (cell.row + shift)) * cell.pitch.y)
      case .anchorPx, .anchors:
        Point(x: x + (cell.column + shift) * cell.pitch.x, y: y + (cell.row + shift) * cell.pitch.y)
      case .unit: Point(x: x * scale.x, y: y * scale.y)
      case .inputPx: Point(x: x, y: y)
      }
    }
  }
}
