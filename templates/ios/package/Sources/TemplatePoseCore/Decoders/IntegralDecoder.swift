// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Heatmaps (h, w, K), or volumes (h, w, K * slices), to keypoints by their mean place: soft-argmax.
///
/// Sources: Sun et al. 2018, "Integral Human Pose Regression"; Nibali et al. 2018, "DSNT".
public struct IntegralDecoder: PoseDecoder {
  /// What makes weights of values: the softmax of their multiples, themselves where above 0, or their sigmoid.
  enum Normalisation: String, CaseIterable { case softmax, relu, sigmoid }

  /// Index i of n lies at input px i * W / n, i * (W - 1) / (n - 1) or (i + 0.5) * W / n.
  enum MapAlignment: String, CaseIterable {
    case stride, corners
    case halfPixel = "half_pixel"
  }

  /// The largest value of a map, the largest share of the weights, or 1.
  enum Score: String, CaseIterable { case value, share, none }

  /// What the weights of one map add up to.
  private struct Sums {
    var peak = -Double.infinity
    var weight = 0.0
    var x = 0.0
    var y = 0.0
    var slice = 0.0
  }

  /// Below, all of ten million cells weigh less than 1e-8 of the best one, and their exponentials are not taken.
  private static let negligible = -36.0

  private let output: String
  private let first: Int
  private let normalisation: Normalisation
  private let alignment: MapAlignment
  private let score: Score
  private let sharpness: Double
  private let inputSize: PixelSize
  private let slices: Int
  private let depthExtent: Double?

  public init(settings: DecoderSettings) throws(PoseError) {
    output = try settings.text("output")
    first = try settings.integer("first")
    guard first >= 0 else { throw settings.wrong("first", expected: "an integer of at least 0") }
    normalisation = try settings.choice("normalisation")
    alignment = try settings.choice("alignment")
    score = try settings.choice("score")
    sharpness = try settings.number("sharpness")
    inputSize = settings.inputSize
    slices = settings.has("z.bins") ? try settings.integer("z.bins") : 1
    guard slices >= 1 else { throw settings.wrong("z.bins", expected: "an integer of at least 1") }
    depthExtent = settings.has("z.extent") ? try settings.number("z.extent") : nil
  }

  public var outputNames: [String] { [output] }

  public func decode(_ outputs: [OutputTensor], into people: inout DecodedPeople) throws(PoseError) {
    let tensor = try outputs.tensor(0, named: output, axes: 3)
    let (height, width, channels) = (tensor.shape[0], tensor.shape[1], tensor.shape[2] - first)
    guard channels >= 0, channels % slices == 0 else {
      throw .wrongShape(tensor: output, expected: [-1, -1, -1], found: tensor.shape)
    }
    for map in sums(of: tensor) {
      let isThere = map.weight > 0
      let x = isThere ? map.x / map.weight : Double(width - 1) / 2
      let y = isThere ? map.y / map.weight : Double(height - 1) / 2
      people.append(
        PosePoint(
          x: toInputPx(x, width, inputSize.width), y: toInputPx(y, height, inputSize.height),
          z: depthExtent.map { toDepth(map, extent: $0) }, score: score(of: map)))
    }
    people.endPerson()
  }

  private func sums(of tensor: OutputTensor) -> [Sums] {
    let (height, width, channels) = (tensor.shape[0], tensor.shape[1], tensor.shape[2])
    let count = (channels - first) / slices
    var sums = Array(repeating: Sums(), count: count)
    tensor.values.withUnsafeBufferPointer { values in
      findPeaks(values, channels: channels, into: &sums)
      addWeights(values, width: width, height: height, into: &sums)
    }
    return sums
  }

  private func findPeaks(_ values: UnsafeBufferPointer<Float>, channels: Int, into sums: inout [Sums]) {
    for cell in stride(from: first, to: values.count, by: channels) {
      for k in sums.indices {
        let start = cell + k * slices
        var peak = values[start]
        for at in start + 1..<start + slices { peak = max(peak, values[at]) }
        sums[k].peak = max(sums[k].peak, Double(peak))
      }
    }
  }

  /// The weights of a cell's slices are added up before they are multiplied: one visit to the sums a cell.
  private func addWeights(
    _ values: UnsafeBufferPointer<Float>, width: Int, height: Int, into sums: inout [Sums]
  ) {
    var at = 0
    for y in 0..<height {
      for x in 0..<width {
        at += first
        for k in sums.indices {
          let peak = sums[k].peak
          var (weights, deep) = (0.0, 0.0)
          for slice in 0..<slices {
            let weight = weight(of: Double(values[at]), peak: peak)
            at += 1
            weights += weight
            deep += weight * Double(slice)
          }
          sums[k].weight += weights
          sums[k].x += weights * Double(x)
          sums[k].y += weights * Double(y)
          sums[k].slice += deep
        }
      }
    }
  }

  private func weight(of value: Double, peak: Double) -> Double {
    switch normalisation {
    case .softmax:
      let power = sharpness * (value - peak)
      return power < Self.negligible ? 0 : exp(power)
    case .relu: return max(value, 0)
    case .sigmoid: return sigmoid(value)
    }
  }

  private func score(of map: Sums) -> Double {
    switch score {
    case .value: map.peak
    case .share: map.weight > 0 ? weight(of: map.peak, peak: map.peak) / map.weight : 0
    case .none: 1
    }
  }

  /// z of the mean place among the slices, 0 in the middle of the volume.
  private func toDepth(_ map: Sums, extent: Double) -> Double {
    let slice = map.weight > 0 ? map.slice / map.weight : Double(slices - 1) / 2
    switch alignment {
    case .stride: return (slice / Double(slices) - 0.5) * extent
    case .corners: return (slice / Double(slices - 1) - 0.5) * extent
    case .halfPixel: return ((slice + 0.5) / Double(slices) - 0.5) * extent
    }
  }

  private func toInputPx(_ place: Double, _ mapLength: Int, _ inputLength: Int) -> Double {
    switch alignment {
    case .stride: place * (Double(inputLength) / Double(mapLength))
    case .corners: place * (Double(inputLength - 1) / Double(max(mapLength - 1, 1)))
    case .halfPixel: (place + 0.5) * (Double(inputLength) / Double(mapLength))
    }
  }
}
