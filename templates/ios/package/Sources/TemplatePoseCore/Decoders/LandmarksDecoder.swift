// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Landmarks as rows of numbers (rows, fields), of which the first K are the keypoints; sharpened by heatmaps.
///
/// Source: the published graphs of MediaPipe's pose and hand landmarks (BlazePose, Bazarevsky et al. 2020).
public struct LandmarksDecoder: PoseDecoder {
  /// What a number of a row is.
  enum Field: String, CaseIterable { case x, y, z, visibility, presence, skip }

  /// `unit`: 0 to 1 over the input.
  enum ValueRange: String, CaseIterable {
    case inputPx = "input_px"
    case unit
  }

  /// Which field is a keypoint's score; `none`: how sure the model is of the instance.
  enum Score: String, CaseIterable { case visibility, presence, none }

  /// What turns a raw number into a score.
  enum Activation: String, CaseIterable { case none, sigmoid }

  /// Maps (h, w, rows) whose sigmoid is the weight of a cell in the square of `kernel` cells about a landmark.
  private struct Refinement {
    let output: String
    let kernel: Int
    let minWeight: Double
  }

  private let output: String
  private let rowCount: Int
  private let keypointCount: Int
  private let fields: [Field]
  private let range: ValueRange
  private let activation: Activation
  private let score: Score
  private let zFactor: Double
  private let instance: String?
  private let instanceActivation: Activation
  private let minPresence: Double
  private let world: String?
  private let heatmaps: Refinement?
  private let extent: Point

  public init(settings: DecoderSettings) throws(PoseError) {
    output = try settings.text("output")
    rowCount = try settings.integer("rows")
    keypointCount = settings.keypointCount
    guard rowCount >= keypointCount else { throw settings.wrong("rows", expected: "as many as keypoints") }
    fields = try settings.choices("fields")
    guard fields.contains(.x), fields.contains(.y) else {
      throw settings.wrong("fields", expected: "x and y among them")
    }
    range = try settings.choice("range")
    activation = try settings.choice("activation")
    score = try settings.choice("score")
    zFactor = try settings.number("z_factor")
    instance = settings.has("instance") ? try settings.text("instance") : nil
    instanceActivation = try settings.choice("instance_activation")
    minPresence = try settings.number("min_presence")
    world = settings.has("world") ? try settings.text("world") : nil
    heatmaps =
      settings.has("heatmaps.output")
      ? Refinement(
        output: try settings.text("heatmaps.output"), kernel: try settings.integer("heatmaps.kernel"),
        minWeight: try settings.number("heatmaps.min_weight")) : nil
    let shrink = settings.inputAlignment.shrink
    extent = Point(x: Double(settings.inputSize.width - shrink), y: Double(settings.inputSize.height - shrink))
  }

  public var outputNames: [String] { [output, instance, world, heatmaps?.output].compactMap { $0 } }

  public func decode(_ outputs: [OutputTensor], into people: inout DecodedPeople) throws(PoseError) {
    let rows = try tensor(output, of: outputs, shape: [rowCount, fields.count])
    let sure = try presence(in: outputs)
    if instance != nil, sure < minPresence { return }
    let metres: OutputTensor? = if let world { try tensor(world, of: outputs, shape: [rowCount, 3]) } else { nil }
    let maps: OutputTensor? = if let heatmaps { try self.maps(heatmaps, of: outputs) } else { nil }
    for k in 0..<keypointCount {
      people.append(point(k, of: rows.values, maps: maps, sure: sure))
    }
    let places = metres.map { metres in
      (0..<keypointCount).map { k in
        WorldPoint(
          x: Double(metres.values[3 * k]), y: Double(metres.values[3 * k + 1]), z: Double(metres.values[3 * k + 2]))
      }
    }
    people.endPerson(confidence: instance == nil ? nil : sure, world: places)
  }

  private func point(_ k: Int, of values: [Float], maps: OutputTensor?, sure: Double) -> PosePoint {
    func number(_ field: Field) -> Double? {
      fields.firstIndex(of: field).map { Double(values[k * fields.count + $0]) }
    }
    let isPx = range == .inputPx
    var place = Point(
      x: (number(.x) ?? 0) / (isPx ? extent.x : 1), y: (number(.y) ?? 0) / (isPx ? extent.y : 1))
    if let maps, let heatmaps { place = refined(place, by: heatmaps, maps, k) }
    let visibility = number(.visibility).map { activated($0, activation) }
    let presence = number(.presence).map { activated($0, activation) }
    let scores: [Score: Double?] = [.visibility: visibility, .presence: presence]
    return PosePoint(
      x: place.x * extent.x, y: place.y * extent.y, z: number(.z).map { $0 * zFactor * (isPx ? 1 : extent.x) },
      score: (scores[score] ?? sure) ?? sure, visibility: visibility, presence: presence)
  }

  /// How sure the model is of the instance; 1 where it says nothing.
  private func presence(in outputs: [OutputTensor]) throws(PoseError) -> Double {
    guard let instance else { return 1 }
    return activated(Double(try tensor(instance, of: outputs, shape: [1, 1]).values[0]), instanceActivation)
  }

  private func activated(_ value: Double, _ activation: Activation) -> Double {
    activation == .sigmoid ? sigmoid(value) : value
  }

  /// The weighted mean of the cells about a place, 0 to 1 over the input; beyond the map it stays.
  private func refined(_ place: Point, by refinement: Refinement, _ maps: OutputTensor, _ k: Int) -> Point {
    let (height, width) = (maps.shape[0], maps.shape[1])
    let centerX = (place.x * Double(width)).rounded(.towardZero)
    let centerY = (place.y * Double(height)).rounded(.towardZero)
    guard centerX >= 0, centerX < Double(width), centerY >= 0, centerY < Double(height) else { return place }
    let reach = refinement.kernel / 2
    var (total, sumX, sumY, most) = (0.0, 0.0, 0.0, 0.0)
    for y in max(Int(centerY) - reach, 0)...min(Int(centerY) + reach, height - 1) {
      for x in max(Int(centerX) - reach, 0)...min(Int(centerX) + reach, width - 1) {
        let weight = sigmoid(Double(maps.values[(y * width + x) * rowCount + k]))
        total += weight
        sumX += weight * Double(x)
        sumY += weight * Double(y)
        most = max(most, weight)
      }
    }
    guard most >= refinement.minWeight, total > 0 else { return place }
    return Point(x: sumX / total / Double(width), y: sumY / total / Double(height))
  }

  private func maps(_ refinement: Refinement, of outputs: [OutputTensor]) throws(PoseError) -> OutputTensor {
    let index = outputNames.firstIndex(of: refinement.output) ?? 0
    let found = try outputs.tensor(index, named: refinement.output, axes: 3)
    guard found.shape[2] == rowCount else {
      throw .wrongShape(tensor: found.name, expected: [-1, -1, rowCount], found: found.shape)
    }
    return found
  }

  private func tensor(_ name: String, of outputs: [OutputTensor], shape: [Int]) throws(PoseError) -> OutputTensor {
    let found = try outputs.tensor(outputNames.firstIndex(of: name) ?? 0, named: name, axes: 2)
    guard found.shape == shape else { throw .wrongShape(tensor: name, expected: shape, found: found.shape) }
    return found
  }
}
