// SPDX-License-Identifier: Apache-2.0

import Foundation

/// SimCC: one 1-D map an axis and keypoint. Source: Li et al. 2022.
public struct SimccDecoder: PoseDecoder {
  /// How the scores of the two axes become one.
  enum ScoreReduction: String, CaseIterable { case min, mean }

  /// How a place between two bins is found.
  enum Refinement: String, CaseIterable { case none, quadratic }

  /// What turns a raw maximum into a score.
  enum Activation: String, CaseIterable { case none, softmax }

  private let outputX: String
  private let outputY: String
  private let splitRatio: Double
  private let scoreReduction: ScoreReduction
  private let refinement: Refinement
  private let activation: Activation

  public init(settings: DecoderSettings) throws(PoseError) {
    outputX = try settings.text("output_x")
    outputY = try settings.text("output_y")
    splitRatio = try settings.number("split_ratio")
    scoreReduction = try settings.choice("score_reduction")
    refinement = try settings.choice("refinement")
    activation = try settings.choice("activation")
    guard splitRatio > 0 else { throw settings.wrong("split_ratio", expected: "a number above 0") }
  }

  public var outputNames: [String] { [outputX, outputY] }

  public func decode(_ outputs: [OutputTensor], into people: inout DecodedPeople) throws(PoseError) {
    let mapsX = try outputs.tensor(0, named: outputX, axes: 2)
    let mapsY = try outputs.tensor(1, named: outputY, axes: 2)
    guard mapsX.shape[0] == mapsY.shape[0] else {
      throw .wrongShape(
        tensor: outputY, expected: [mapsX.shape[0], mapsY.shape[1]], found: mapsY.shape)
    }
    for keypoint in 0..<mapsX.shape[0] {
      let x = peak(mapsX, keypoint: keypoint)
      let y = peak(mapsY, keypoint: keypoint)
      let score = scoreReduction == .min ? min(x.score, y.score) : (x.score + y.score) / 2
      people.append(
        PosePoint(x: x.bin / splitRatio, y: y.bin / splitRatio, score: score))
    }
    people.endPerson()
  }

  /// The first maximum of a keypoint's map, refined.
  private func peak(_ maps: OutputTensor, keypoint: Int) -> (bin: Double, score: Double) {
    let bins = maps.shape[1]
    return maps.values.withUnsafeBufferPointer { all in
      let map = UnsafeBufferPointer(rebasing: all[keypoint * bins..<(keypoint + 1) * bins])
      let best = Self.best(of: map)
      let top = Double(map[best])
      let place = Double(best) + (refinement == .quadratic ? offset(map, best) : 0)
      guard activation == .softmax else { return (place, top) }
      var total = 0.0
      for value in map { total += exp(Double(value) - top) }
      return (place, 1 / total)
    }
  }

  /// The first of the largest; by eights, most of which hold none that is larger than those before.
  private static func best(of map: UnsafeBufferPointer<Float>) -> Int {
    var best = 0
    for first in stride(from: 0, to: map.count, by: 8) {
      let bins = first..<min(first + 8, map.count)
      if bins.count == 8 {
        let eight = UnsafeRawBufferPointer(map).loadUnaligned(fromByteOffset: 4 * first, as: SIMD8<Float>.self)
        if !any(eight .> map[best]) { continue }
      }
      for bin in bins where map[bin] > map[best] { best = bin }
    }
    return best
  }

  /// Offset in bins of the top of the parabola through the best bin; 0 at the ends and on a plateau.
  private func offset(_ map: UnsafeBufferPointer<Float>, _ best: Int) -> Double {
    guard best > 0, best < map.count - 1 else { return 0 }
    let left = Double(map[best - 1])
    let right = Double(map[best + 1])
    let curvature = left - 2 * Double(map[best]) + right
    return curvature < 0 ? 0.5 * (left - right) / curvature : 0
  }
}
