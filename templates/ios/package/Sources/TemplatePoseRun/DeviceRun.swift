// SPDX-License-Identifier: Apache-2.0

import Foundation
import TemplatePoseCore

/// A model that an accelerator was asked to run.
package struct LoadedModel {
  /// Gives the network its input and writes its outputs.
  package typealias Infer = (UnsafeBufferPointer<Float>, inout [OutputTensor]) throws -> Void

  let infer: Infer
  let used: RunAccelerator?
  let fallbackReason: String?
  let detail: String?

  /// - Parameters:
  ///   - used: what runs it; nil where that cannot be known.
  ///   - fallbackReason: why that is not what was asked for.
  ///   - detail: what else is known of how it runs.
  package init(
    used: RunAccelerator?, fallbackReason: String? = nil, detail: String? = nil, infer: @escaping Infer
  ) {
    self.used = used
    self.fallbackReason = fallbackReason
    self.detail = detail
    self.infer = infer
  }
}

/// Runs the cases of a request and writes what it saw, in the forms that posekit's docs describe.
package struct DeviceRun {
  package typealias Load = (StageSpec, RunAccelerator) async throws -> LoadedModel

  private let request: URL
  private let out: URL
  private let device: RunDevice
  private let runtime: String
  private let model: (StageSpec) throws -> URL
  private let thermal: () -> String?
  private let load: Load?

  /// - Parameters:
  ///   - request: the folder of request.json.
  ///   - out: the folder that is given run.json.
  ///   - runtime: name and version of what runs the model.
  ///   - model: the .mlpackage of a stage.
  ///   - thermal: the device's state in the system's words.
  ///   - load: makes the model run on an accelerator; nil where no model can be run.
  package init(
    request: URL, out: URL, device: RunDevice, runtime: String, model: @escaping (StageSpec) throws -> URL,
    thermal: @escaping () -> String? = { nil }, load: Load? = nil
  ) {
    self.request = request
    self.out = out
    self.device = device
    self.runtime = runtime
    self.model = model
    self.thermal = thermal
    self.load = load
  }

  /// Runs everything; what went wrong, nil when nothing did. run.json is there in both cases.
  /// - Throws: where run.json cannot be written.
  package func run(log: (String) -> Void) async throws -> String? {
    let written = try RunFiles(out)
    let files = RequestFiles(request)
    var passes: [PassRecord] = []
    var modelHash = noHash  // a model that cannot be read is what the error tells of
    var failure: String?
    do {
      modelHash = try contentHash(of: try model(TemplatePoseContract.pose))
      let asked = try files.request()
      if asked.stage != .pose { modelHash = try contentHash(of: try model(try asked.stage.contract())) }
      for accelerator in passesOf(asked) {
        log("\(asked.cases.count) cases on: \(accelerator.rawValue)")
        passes.append(try await pass(accelerator, asked, files, written))
      }
    } catch {
      failure = String(error.localizedDescription.prefix(maxText))
    }
    try written.run(
      RunRecord(
        device: device, runtime: runtime, modelSha256: modelHash,
        contractSha256: TemplatePoseContract.contractHash, error: failure, passes: passes))
    return failure
  }

  /// What was asked for, each once, and the CPU wherever there is a model, to compare with.
  private func passesOf(_ asked: RunRequest) -> [RunAccelerator] {
    var passes: [RunAccelerator] = load == nil ? [] : [.cpu]
    for accelerator in asked.accelerators where !passes.contains(accelerator) { passes.append(accelerator) }
    return passes
  }

  private func pass(
    _ requested: RunAccelerator, _ asked: RunRequest, _ files: RequestFiles, _ written: RunFiles
  ) async throws -> PassRecord {
    var record = PassRecord(requested: requested)
    let stage = try asked.stage.contract()
    guard requested != .none else {
      record.used = RunAccelerator.none
      record.cases = try cases(asked, try PassRun(stage, files: files, written: written, infer: nil), requested)
      return record
    }
    guard let load else {
      record.fallbackReason = "no model can be run here"
      return record
    }
    let before = thermal()
    do {
      let model = try await load(stage, requested)
      record.used = model.used
      record.fallbackReason = model.fallbackReason
      record.detail = model.detail
      guard model.used == nil || model.used == requested else { return record }
      record.thermalBefore = before
      let run = try PassRun(stage, files: files, written: written, infer: model.infer)
      record.cases = try cases(asked, run, requested)
      record.latencies = run.times.summary()
      record.thermalAfter = thermal()
    } catch PoseError.modelUnusable(let reason) {
      record.failure = "it could not load the model: \(reason)"
    } catch PoseError.predictionFailed(let reason) {
      record.failure = "it stopped running the model: \(reason)"
      record.thermalAfter = thermal()
    }
    return record
  }

  private func cases(_ asked: RunRequest, _ run: PassRun, _ requested: RunAccelerator) throws -> [CaseRecord] {
    try asked.cases.enumerated().map { index, one in
      let number = String(repeating: "0", count: max(3 - String(index).count, 0)) + String(index)
      return try run.run(one, of: asked, stem: "\(requested.rawValue)-\(number)")
    }
  }
}

private let noHash = String(repeating: "0", count: 64)
