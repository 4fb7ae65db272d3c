// SPDX-License-Identifier: Apache-2.0

import CoreML
import TemplatePoseRun

/// Where Core ML may run the model.
enum ComputeUnits: String, CaseIterable, Identifiable, Sendable {
  case all
  case neuralEngine
  case gpu
  case cpu

  var id: Self { self }

  var name: String {
    switch self {
    case .all: "All"
    case .neuralEngine: "CPU and Neural Engine"
    case .gpu: "CPU and GPU"
    case .cpu: "CPU only"
    }
  }

  var value: MLComputeUnits {
    switch self {
    case .all: .all
    case .neuralEngine: .cpuAndNeuralEngine
    case .gpu: .cpuAndGPU
    case .cpu: .cpuOnly
    }
  }

  /// What runs, in a few words: Core ML says how many operations it plans to run where, from iOS 17.4 on.
  func plan(of model: ModelFile) async -> String {
    if self == .cpu { return "runs on the CPU" }
    guard let plan = try? await operationPlan(modelURL: model.url, computeUnits: value) else {
      return "what runs is not known"
    }
    let places = [("Neural Engine", plan.neuralEngine), ("GPU", plan.gpu), ("CPU", plan.cpu)]
    let said = places.filter { $0.1 > 0 }.map { "\($0.0) \($0.1)" }
    return "operations planned: " + said.joined(separator: ", ")
  }
}
