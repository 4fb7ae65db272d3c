// SPDX-License-Identifier: Apache-2.0

import Foundation

/// SimCC: one 1-D map an axis and keypoint, and where the contract has it one for depth. Source: Li et al. 2022.
public struct SimccDecoder: PoseDecoder {
  /// How the scores of the two axes become one.
  enum ScoreReduction: String, CaseIterable { case min, mean }

  /// How a place between two bins is found.
  enum Refinement: String, CaseIterable { case none, quadratic }

  /// What turns a raw maximum into a score.
  enum Activation: String, CaseIterable { case none, softmax }

  /// Bin i of an output is a z of (i / bins - 0.5) * extent.
  private struct Depths {
    let output: String
    let bins: Double
    let extent: Double
  }

  private let outputX: String
  private let outputY: String
  private let splitRatio: Double
  private let scoreReduction: ScoreReduction
  private let refinement: Refinement
  private let activation: Activation
  private let depth: Depths?

  public init(settings: DecoderSettings) throws(PoseError) {
    outputX = try settings.text("output_x")
    outputY = try settings.text("output_y")
    splitRatio = try settings.number("split_ratio")
    scoreReduction = try settings.choice("score_reduction")
    refinement = try settings.choice("refinement")
    activation = try settings.choice("activation")
    if settings.has("z.output") {
      depth = Depths(
        output: try settings.text("z.output"), bins: Double(try settings.integer("z.bins")),
        extent: try settings.number("z.extent"))
    } else {
      depth = nil
    }
    guard splitRatio > 0 else { throw settings.wrong("split_ratio", expected: "a number above 0") }
  }

  public var outputNames: [String] { [outputX, outputY] + (depth.map { [$0.output] } ?? []) }

  public func decode(_ outputs: [OutputTensor], into people: inout DecodedPeople) throws(PoseError) {
    let mapsX = try outputs.tensor(0, named: outputX, axes: 2)
    let mapsY = try outputs.tensor(1, named: outputY, axes: 2)
    guard mapsX.shape[0] == mapsY.shape[0] else {
      throw .wrongShape(
        tensor: outputY, expected: [mapsX.shape[0], mapsY.shape[1]], found: mapsY.shape)
    }
    let mapsZ: OutputTensor?
    if let depth { mapsZ = try outputs.tensor(2, named: depth.output, axes: 2) } else { mapsZ = nil }
    if let mapsZ, mapsZ.shape[0] != mapsX.shape[0] {
      throw .wrongShape(tensor: mapsZ.name, expected: [mapsX.shape[0], mapsZ.shape[1]], found: mapsZ.shape)
    }
    for keypoint in 0..<mapsX.shape[0] {
      let x = peak(mapsX, keypoint: keypoint)
      let y = peak(mapsY, keypoint: keypoint)
      let score = scoreReduction == .min ? min(x.score, y.score) : (x.score + y.score) / 2
      let bin = mapsZ.map { peak($0, keypoint: keypoint).bin }
      let z = depth.flatMap { depth in bin.map { ($0 / depth.bins - 0.5) * depth.extent } }
      people.append(PosePoint(x: x.bin / splitRatio, y: y.bin / splitRatio, z: z, score: score))
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
