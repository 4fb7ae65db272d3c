// SPDX-License-Identifier: Apache-2.0

#if canImport(CoreML)
  @preconcurrency import CoreML
  import Foundation
  import TemplatePose
  import TemplatePoseCore

  /// Runs a request of posekit on this device: every case through Core ML on every accelerator that is asked for.
  /// - Parameters:
  ///   - request: the folder of request.json.
  ///   - out: the folder that is given run.json and its tensors.
  ///   - log: told what is being run.
  /// - Returns: what went wrong, nil when nothing did; run.json is there in both cases.
  /// - Throws: where run.json cannot be written, or the package has no model.
  public func runRequest(_ request: URL, out: URL, log: (String) -> Void = { _ in }) async throws -> String? {
    let process = ProcessInfo.processInfo
    let run = DeviceRun(
      request: request, out: out, device: thisDevice(), runtime: "Core ML of \(systemName())",
      model: { try ModelStore.shippedPackage($0) }, thermal: { thermalName(process.thermalState) },
      load: { try await loadModel($0, on: $1) })
    return try await run.run(log: log)
  }

  private func loadModel(_ stage: StageSpec, on accelerator: RunAccelerator) async throws -> LoadedModel {
    let units: MLComputeUnits =
      switch accelerator {
      case .cpu, .none: .cpuOnly
      case .gpu: .cpuAndGPU
      case .npu: .cpuAndNeuralEngine
      }
    let loaded = try await ModelStore.load(try ModelStore.shipped(stage), computeUnits: units)
    let session = try Session(model: loaded.model, stage: stage)
    let placed = accelerator == .cpu ? Placement(used: .cpu) : await placement(of: loaded.compiled, accelerator, units)
    return LoadedModel(used: placed.used, fallbackReason: placed.fallbackReason, detail: placed.detail) {
      input, outputs in
      try session.infer(input, into: &outputs)
    }
  }

  private func thisDevice() -> RunDevice {
    #if targetEnvironment(simulator)
      let simulated = true
    #else
      let simulated = false
    #endif
    return RunDevice(name: machineName(), os: systemName(), simulated: simulated)
  }

  private func systemName() -> String {
    #if os(macOS)
      let system = "macOS"
    #else
      let system = "iOS"
    #endif
    return "\(system) \(systemVersion()) (\(systemText("kern.osversion")))"
  }

  /// Such as iPhone17,1 or Mac16,5.
  private func machineName() -> String {
    #if os(macOS)
      systemText("hw.model")
    #else
      systemText("hw.machine")
    #endif
  }

  private func systemText(_ key: String) -> String {
    var count = 0
    guard sysctlbyname(key, nil, &count, nil, 0) == 0 else { return "unknown" }
    var bytes = [UInt8](repeating: 0, count: count)
    guard sysctlbyname(key, &bytes, &count, nil, 0) == 0 else { return "unknown" }
    return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }

  private func thermalName(_ state: ProcessInfo.ThermalState) -> String {
    switch state {
    case .nominal: "nominal"
    case .fair: "fair"
    case .serious: "serious"
    case .critical: "critical"
    @unknown default: "unknown"
    }
  }
#endif
