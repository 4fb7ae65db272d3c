// SPDX-License-Identifier: Apache-2.0

import CoreML
import Foundation
import Testing
import TinyPose
import TinyPoseCore

extension AppleLayerTests {
  @Test func otherWeightsAreCompiledAnew() async throws {
    Scene.install()
    let files = FileManager.default
    let package = files.temporaryDirectory.appendingPathComponent("\(UUID())/other.mlpackage")
    let weights = package.appendingPathComponent("weight.bin")
    try files.createDirectory(at: package, withIntermediateDirectories: true)
    defer { try? files.removeItem(at: package.deletingLastPathComponent()) }
    let moment = Date(timeIntervalSinceReferenceDate: 1000)
    for (value, size) in [(1, 2 << 20), (2, 2 << 20), (2, 100), (3, 100)] as [(UInt8, Int)] {
      try Data(repeating: value, count: size).write(to: weights)
      try files.setAttributes([.modificationDate: moment], ofItemAtPath: weights.path)  // as if nothing had changed
      #expect(try await compiles(package) == 1)
      #expect(try await compiles(package) == 0)
    }
    try files.setAttributes([.modificationDate: Date()], ofItemAtPath: weights.path)
    #expect(try await compiles(package) == 1)
  }

  private func compiles(_ package: URL) async throws -> Int {
    MLModel.standIn.compiled = 0
    _ = try await ModelStore.load(package, computeUnits: .all)
    return MLModel.standIn.compiled
  }

  @Test func aCompiledModelBesideThePackageIsPreferred() async throws {
    Scene.install()
    let files = FileManager.default
    let package = try ModelStore.shipped()
    #expect(package.pathExtension == "mlpackage")
    let compiled = package.deletingPathExtension().appendingPathExtension("mlmodelc")
    try files.createDirectory(at: compiled, withIntermediateDirectories: true)
    defer { try? files.removeItem(at: compiled) }
    _ = try await TinyPose()
    #expect(MLModel.standIn.compiled == 0)
    #expect(MLModel.standIn.loaded.last?.path == compiled.path)
    #expect(try ModelStore.shippedPackage() == package)
  }

  @Test func outputsAreOfferedTheSameMemoryAgain() async throws {
    Scene.install()
    let estimator = try await TinyPose()
    let first = MLModel.standIn.backings
    #expect(Set(first.keys) == Set(Scene.outputs().map(\.name)))
    #expect(first.values.allSatisfy { $0.dataType == .float16 })
    let session = try Session(model: MLModel())
    var outputs = TinyPoseContract.makeOutputs()
    let input = [Float](repeating: 0, count: TinyPoseContract.input.valueCount)
    var offered: [Set<ObjectIdentifier>] = []
    for _ in 0..<2 {
      try input.withUnsafeBufferPointer { try session.infer($0, into: &outputs) }
      offered.append(Set(MLModel.standIn.backings.values.map { ObjectIdentifier($0) }))
    }
    #expect(offered[0] == offered[1])
    #expect(offered[0] != Set(first.values.map { ObjectIdentifier($0) }))
    estimator.close()
  }

  @Test func theModelRunsOnceBeforeTheFirstPicture() async throws {
    Scene.install()
    var runs = 0
    let predict = MLModel.standIn.predict
    MLModel.standIn.predict = { input in
      runs += 1
      return try predict(input)
    }
    _ = try await TinyPose()
    #expect(runs == 1)
    _ = try await TinyPose(warmsUp: false)
    #expect(runs == 1)
    MLModel.standIn.predict = { _ in throw CocoaError(.featureUnsupported) }
    _ = try await TinyPose()  // the first picture says why
    #expect(MLModel.standIn.units.last == .cpuAndNeuralEngine)
  }
}
