// SPDX-License-Identifier: Apache-2.0

import Foundation
import TemplatePoseCore

/// Stands for the session of a Core ML model, where there is no Core ML: whoever asks runs the network.
package final class Session {
  private let network: String
  private let messages: Messages
  private var processor: PoseProcessor
  private var input: [Float]
  private(set) var spent = StepTimes()

  init(_ network: String, stage: StageSpec, messages: Messages) throws {
    self.network = network
    self.messages = messages
    processor = try PoseProcessor(stage)
    input = [Float](repeating: 0, count: stage.input.valueCount)
  }

  /// Writes the network's input.
  func prepare(_ pixels: PixelView, orientation: Orientation, region: Region?) throws -> PoseProcessor.Prepared {
    let start = milliseconds()
    let prepared = try input.withUnsafeMutableBufferPointer {
      try processor.prepare(pixels, orientation: orientation, region: region, into: $0)
    }
    spent = spent + StepTimes(preprocessingMs: milliseconds() - start)
    return prepared
  }

  /// The people that the network finds in the input that was prepared last.
  func run(_ prepared: PoseProcessor.Prepared) throws -> [Pose] {
    let start = milliseconds()
    try messages.write(JSONSerialization.data(withJSONObject: ["run": network]))
    try messages.write(input.withUnsafeBufferPointer(floatBytes))
    for index in processor.outputs.indices {
      guard let values = try messages.read() else { throw PoseError.tensorMissing(processor.outputs[index].name) }
      processor.outputs[index].values = floats(of: values)
    }
    let inferred = milliseconds()
    let poses = try processor.finish(prepared)
    spent = spent + StepTimes(inferenceMs: inferred - start, decodingMs: milliseconds() - inferred)
    return poses
  }

  /// The dense results of the run before.
  func dense(_ prepared: PoseProcessor.Prepared) throws -> [DenseMap] {
    try processor.dense(prepared)
  }
}

private func milliseconds() -> Double { Double(DispatchTime.now().uptimeNanoseconds) / 1e6 }
