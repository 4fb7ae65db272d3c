// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Heatmaps (h, w, K): the mean place of a softmax over each map.
public struct SoftArgmaxDecoder: PoseDecoder {
  private let output: String
  private let sharpness: Double
  private let isScored: Bool
  private let inputSize: PixelSize

  public init(settings: DecoderSettings) throws(PoseError) {
    output = try settings.text("output")
    sharpness = try settings.number("sharpness")
    isScored = try settings.flag("is_scored")
    inputSize = settings.inputSize
  }

  public var outputNames: [String] { [output] }

  public func decode(
    _ outputs: [OutputTensor], into people: inout DecodedPeople
  ) throws(PoseError) {
    let tensor = try outputs.tensor(0, named: output, axes: 3)
    let (height, width, count) = (tensor.shape[0], tensor.shape[1], tensor.shape[2])
    for k in 0..<count {
      let map = (0..<height * width).map { Double(tensor.values[$0 * count + k]) }
      let peak = map.max() ?? 0
      var (total, x, y) = (0.0, 0.0, 0.0)
      for (at, value) in map.enumerated() {
        let weight = exp(sharpness * (value - peak))
        total += weight
        x += weight * Double(at % width)
        y += weight * Double(at / width)
      }
      people.append(
        PosePoint(
          x: x / total * Double(inputSize.width) / Double(width),
          y: y / total * Double(inputSize.height) / Double(height),
          score: isScored ? peak : 1))
    }
    people.endPerson()
  }
}
