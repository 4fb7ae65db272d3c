// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Heatmaps (h, w, K): argmax, then none, a quarter step, DARK, or DARK as UDP has it.
///
/// Sources: quarter step, Newell et al. 2016 and HRNet (Sun et al. 2019).
public struct HeatmapDecoder: PoseDecoder {
  /// How a peak is found between heatmap px.
  enum Refinement: String, CaseIterable {
    case none, quarter, dark
    case darkUdp = "dark_udp"
  }

  /// A quarter step is taken where both coordinates are inside of the map, or on each axis where that one is.
  enum Border: String, CaseIterable { case both, each }

  /// Where index i of a map of n lies: input px i * W / n, or i * (W - 1) / (n - 1).
  enum MapAlignment: String, CaseIterable { case stride, corners }

  /// What turns a raw maximum into a score.
  enum Activation: String, CaseIterable { case none, sigmoid }

  private let output: String
  private let refinement: Refinement
  private let alignment: MapAlignment
  private let border: Border
  private let activation: Activation
  private let inputSize: PixelSize
  private var dark: DarkStep
  private var darkUdp: UdpStep
  private var peaks: [Int] = []
  private var maxima: [Float] = []

  public init(settings: DecoderSettings) throws(PoseError) {
    output = try settings.text("output")
    refinement = try settings.choice("refinement")
    alignment = try settings.choice("alignment")
    border = try settings.choice("border")
    activation = try settings.choice("activation")
    inputSize = settings.inputSize
    let kernelSize = try settings.integer("blur_kernel")
    guard kernelSize > 0, kernelSize % 2 == 1 else {
      throw settings.wrong("blur_kernel", expected: "an odd number above 0")
    }
    let edge: BlurEdge = try settings.choice("blur_edge")
    let isLogit = activation == .sigmoid
    dark = DarkStep(kernelSize: refinement == .dark ? kernelSize : 1, edge: edge, isLogit: isLogit)
    darkUdp = UdpStep(kernelSize: kernelSize, edge: edge, isLogit: isLogit)
  }

  public var outputNames: [String] { [output] }

  public mutating func decode(_ outputs: [OutputTensor], into people: inout DecodedPeople) throws(PoseError) {
    let tensor = try outputs.tensor(0, named: output, axes: 3)
    let mapSize = PixelSize(width: tensor.shape[1], height: tensor.shape[0])
    let count = tensor.shape[2]
    let scaleX = inputPxPerIndex(inputSize.width, mapSize.width)
    let scaleY = inputPxPerIndex(inputSize.height, mapSize.height)
    tensor.values.withUnsafeBufferPointer { values in
      findPeaks(values, count: count)
      let maps = Heatmaps(values: values, size: mapSize, count: count)
      for k in 0..<count {
        let (row, column) = peaks[k].quotientAndRemainder(dividingBy: mapSize.width)
        let step = refine(maps, column, row, k)
        let raw = Double(maxima[k])
        people.append(
          PosePoint(
            x: (Double(column) + step.x) * scaleX, y: (Double(row) + step.y) * scaleY,
            score: activation == .sigmoid ? sigmoid(raw) : raw))
      }
    }
    people.endPerson()
  }

  /// Input px between two neighbouring heatmap px.
  private func inputPxPerIndex(_ inputLength: Int, _ mapLength: Int) -> Double {
    let shrink = alignment == .corners ? 1 : 0
    return Double(inputLength - shrink) / Double(max(mapLength - shrink, 1))
  }

  /// The first maximum in row order of every map, in one pass through memory.
  private mutating func findPeaks(_ values: UnsafeBufferPointer<Float>, count: Int) {
    peaks.removeAll(keepingCapacity: true)
    maxima.removeAll(keepingCapacity: true)
    for k in 0..<count {
      peaks.append(0)
      maxima.append(values[k])
    }
    maxima.withUnsafeMutableBufferPointer { maxima in
      for place in 1..<max(values.count / count, 1) {
        let start = place * count
        for k in 0..<count where values[start + k] > maxima[k] {
          maxima[k] = values[start + k]
          peaks[k] = place
        }
      }
    }
  }

  private mutating func refine(_ maps: Heatmaps, _ x: Int, _ y: Int, _ k: Int) -> Point {
    switch refinement {
    case .none: Point(x: 0, y: 0)
    case .quarter: quarterStep(maps, x, y, k)
    case .dark: dark.step(maps, x, y, k)
    case .darkUdp: darkUdp.step(maps, x, y, k)
    }
  }

  /// A quarter px towards the higher neighbour on each axis; none within one px of the edge.
  private func quarterStep(_ maps: Heatmaps, _ x: Int, _ y: Int, _ k: Int) -> Point {
    let insideX = x > 1 && x < maps.size.width - 1
    let insideY = y > 1 && y < maps.size.height - 1
    guard border == .each || (insideX && insideY) else { return Point(x: 0, y: 0) }
    return Point(
      x: insideX ? quarter(maps[x + 1, y, k] - maps[x - 1, y, k]) : 0,
      y: insideY ? quarter(maps[x, y + 1, k] - maps[x, y - 1, k]) : 0)
  }

  private func quarter(_ difference: Double) -> Double {
    difference > 0 ? 0.25 : difference < 0 ? -0.25 : 0
  }
}

/// Heatmaps in memory, (h, w, K).
struct Heatmaps {
  let values: UnsafeBufferPointer<Float>
  let size: PixelSize
  let count: Int

  subscript(x: Int, y: Int, k: Int) -> Double {
    Double(values[(y * size.width + x) * count + k])
  }
}
