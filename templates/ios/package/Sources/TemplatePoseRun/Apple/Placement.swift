// SPDX-License-Identifier: Apache-2.0

#if canImport(CoreML)
  @preconcurrency import CoreML
  import Foundation
  import TemplatePose
  import TemplatePoseCore

  /// How many operations Core ML plans to run where; of two stages those of both models.
  public struct OperationPlan: Equatable, Sendable {
    public var cpu = 0
    public var gpu = 0
    public var neuralEngine = 0

    /// All of them.
    public var count: Int { cpu + gpu + neuralEngine }
  }

  /// What Core ML plans to run where; nil where it does not say: before iOS 17.4 and macOS 14.4.
  /// - Parameters:
  ///   - modelURL: of the model that gives keypoints; nil for the package's own.
  ///   - computeUnits: where it may run the model.
  /// - Throws: `PoseError` where the model cannot be loaded.
  public func operationPlan(modelURL: URL? = nil, computeUnits: MLComputeUnits) async throws -> OperationPlan? {
    var urls = [try modelURL ?? ModelStore.shipped()]
    if let detector = TemplatePoseContract.detector { urls.append(try ModelStore.shipped(detector)) }
    var whole = OperationPlan()
    for url in urls {
      let loaded = try await ModelStore.load(url, computeUnits: computeUnits)
      guard let plan = await operationPlan(of: loaded.compiled, computeUnits) else { return nil }
      whole.cpu += plan.cpu
      whole.gpu += plan.gpu
      whole.neuralEngine += plan.neuralEngine
    }
    return whole
  }

  private func operationPlan(of compiled: URL, _ units: MLComputeUnits) async -> OperationPlan? {
    guard #available(iOS 17.4, macOS 14.4, *) else { return nil }
    let configuration = MLModelConfiguration()
    configuration.computeUnits = units
    guard let plan = try? await MLComputePlan.load(contentsOf: compiled, configuration: configuration),
      case .program(let program) = plan.modelStructure
    else { return nil }
    var found = OperationPlan()
    for operation in program.functions.values.flatMap(\.block.operations) {
      switch plan.deviceUsage(for: operation)?.preferred {  // nil: a constant
      case .cpu: found.cpu += 1
      case .gpu: found.gpu += 1
      case .neuralEngine: found.neuralEngine += 1
      default: break
      }
    }
    return found.count == 0 ? nil : found
  }

  /// What runs a model; nil where nobody can tell.
  struct Placement {
    var used: RunAccelerator?
    var fallbackReason: String?
    var detail: String?
  }

  /// Where Core ML plans to run the model: on the accelerator if that is to run most of its operations, else on the CPU.
  func placement(of compiled: URL, _ accelerator: RunAccelerator, _ units: MLComputeUnits) async -> Placement {
    guard let plan = await operationPlan(of: compiled, units) else { return Placement() }
    let there = accelerator == .npu ? plan.neuralEngine : plan.gpu
    let place = accelerator == .npu ? "Neural Engine" : "GPU"
    let detail = "\(there) of \(plan.count) operations planned on the \(place)"
    if there * 2 > plan.count { return Placement(used: accelerator, detail: detail) }
    let reason = "Core ML plans to run \(plan.count - there) of \(plan.count) operations on the CPU"
    return Placement(used: .cpu, fallbackReason: reason, detail: detail)
  }
#endif
