// SPDX-License-Identifier: Apache-2.0

import CoreML
import Foundation
import Testing
import TinyPose
import TinyPoseCore
import TinyPoseRun
import XCTest

/// The request that POSEKIT_RUN names asks for the CPU, the GPU and the Neural Engine; test_swift.py reads the answer.
extension AppleLayerTests {
  private func passes(after change: () throws -> Void) async throws -> [[String: Any]] {
    let request = URL(fileURLWithPath: try #require(ProcessInfo.processInfo.environment["POSEKIT_RUN"]))
    let out = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: out) }
    try change()
    let failure = try await runRequest(request, out: out)
    let document = try JSONSerialization.jsonObject(with: Data(contentsOf: out.appendingPathComponent("run.json")))
    let run = try #require(document as? [String: Any])
    #expect(run["error"] as? String == failure)
    return try #require(run["passes"] as? [[String: Any]])
  }

  @Test func aRequestIsRunAndAttached() async throws {
    Scene.install()
    XCTAttachment.added = []
    let out = URL(fileURLWithPath: try #require(ProcessInfo.processInfo.environment["POSEKIT_RUN"]))
      .appendingPathComponent("run")
    try FileManager.default.createDirectory(at: out, withIntermediateDirectories: true)
    try Data("of an earlier run".utf8).write(to: out.appendingPathComponent("earlier.f32"))
    try await ParityRunTests(name: "testRunsTheRequest", testClosure: { _ in }).testRunsTheRequest()
    let names = XCTAttachment.added.compactMap(\.name)
    #expect(!names.contains("earlier.f32"))
    #expect(names.contains("run.json"))
    #expect(names.contains("cpu-000-image-input.f32"))
    #expect(XCTAttachment.added.allSatisfy { $0.lifetime == .keepAlways && $0.url.lastPathComponent == $0.name })
  }

  @Test func accelerators() async throws {
    let passes = try await passes { Scene.install() }
    #expect(MLModel.standIn.units == [.cpuOnly, .cpuAndGPU, .cpuAndNeuralEngine])
    #expect(passes.map { $0["requested"] as? String } == ["cpu", "gpu", "npu"])
    #expect(passes.map { $0["used"] as? String } == ["cpu", "gpu", "cpu"])
    #expect(passes.map { ($0["cases"] as? [Any])?.isEmpty } == [false, false, true])
    #expect(passes[0]["detail"] == nil)
    #expect(passes[1]["detail"] as? String == "3 of 3 operations planned on the GPU")
    #expect(passes[2]["detail"] as? String == "1 of 3 operations planned on the Neural Engine")
    #expect(passes[2]["fallback_reason"] as? String == "Core ML plans to run 2 of 3 operations on the CPU")
    #expect(passes.allSatisfy { $0["failure"] == nil })
  }

  @Test func anAcceleratorThatRunsMostOperationsIsUsed() async throws {
    let passes = try await passes {
      Scene.install()
      MLModel.standIn.onNeuralEngine = 2
    }
    #expect(passes[2]["used"] as? String == "npu")
    #expect(passes[2]["detail"] as? String == "2 of 3 operations planned on the Neural Engine")
    #expect(passes[2]["fallback_reason"] == nil)
    #expect((passes[2]["cases"] as? [Any])?.isEmpty == false)
  }

  @Test func anAcceleratorThatFailsSaysWhy() async throws {
    let passes = try await passes {
      Scene.install { _ in throw CocoaError(.featureUnsupported) }
      MLModel.standIn.onNeuralEngine = 3
    }
    #expect(passes.count == 3)
    for pass in passes {
      #expect((pass["cases"] as? [Any])?.isEmpty == true)
      #expect(pass["used"] as? String == pass["requested"] as? String)
      #expect((pass["failure"] as? String)?.hasPrefix("it stopped running the model: ") == true)
      #expect(pass["fallback_reason"] == nil)
      #expect(pass["thermal_after"] as? String == "nominal")
    }
  }

  @Test func anAcceleratorThatDoesNotLoadTheModelSaysWhy() async throws {
    let passes = try await passes {
      Scene.install()
      MLModel.standIn.whileLoading = { if $0 == .cpuAndGPU { throw CocoaError(.featureUnsupported) } }
    }
    #expect(passes.map { ($0["cases"] as? [Any])?.isEmpty } == [false, true, true])
    #expect((passes[1]["failure"] as? String)?.hasPrefix("it could not load the model: ") == true)
    #expect(passes[1]["used"] is NSNull)
    #expect(passes[1]["fallback_reason"] == nil)
  }

  @Test func outputsThatAreNotFiniteGiveNull() async throws {
    var output = Scene.outputs()[0]
    output.values[5] = .nan
    let spoilt = output
    let passes = try await passes {
      Scene.install { $0[spoilt.name] = MLFeatureValue(multiArray: try Scene.halfArray(spoilt)) }
    }
    let cases = try #require(passes[0]["cases"] as? [[String: Any]])
    let results = try #require(cases[0]["results"] as? [[String: Any]])
    #expect(results.map { $0["people"] is [Any] } == [false, false, true])  // image, tensor, outputs
    #expect(results.map { ($0["outputs"] as? [String: Any])?.isEmpty } == [false, false, true])
  }

  @Test func aRunOfAnotherContractStops() async throws {
    #expect(try await passes { Scene.install(hash: "0000") }.isEmpty)
  }
}
