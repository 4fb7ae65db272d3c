// SPDX-License-Identifier: Apache-2.0

import CoreGraphics
import CoreML
import CoreVideo
import Foundation
import ImageIO
import Testing
import TinyPose
import TinyPoseCore

@Suite(.serialized) struct AppleLayerTests {
  private func buffer(format: OSType = kCVPixelFormatType_32BGRA) -> CVPixelBuffer {
    CVPixelBuffer(
      standIn: Scene.picture, format: format, width: Scene.width, height: Scene.height, bytesPerRow: Scene.bytesPerRow)
  }

  /// What a model of one person gives, and one of several.
  private func list(_ pose: Pose) -> [Pose] { [pose] }
  private func list(_ poses: [Pose]) -> [Pose] { poses }

  @Test(arguments: [CGImagePropertyOrientation.up, .right, .leftMirrored])
  func poseIsTheCores(orientation: CGImagePropertyOrientation) async throws {
    Scene.install()
    var seen: [Float] = []
    let predict = MLModel.standIn.predict
    MLModel.standIn.predict = { input in
      let array = try #require(input.featureValue(for: "image")?.multiArrayValue)
      seen = array.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
      return try predict(input)
    }
    let region = try Region(center: Point(x: 30, y: 40), width: 50, height: 60, rotationDegrees: 10)
    let expected = try Scene.expected(
      orientation: try Orientation(exifValue: Int(orientation.rawValue)), region: region)
    let estimator = try await TinyPose()
    let frame = buffer()
    for _ in 0..<2 {
      let found = try list(estimator.estimate(frame, orientation: orientation, region: region))
      #expect(found == expected.poses)
      let isSame = seen == expected.input  // a failed #expect would print what differs, for minutes
      #expect(isSame)
    }
    #expect(frame.locks == 0)
  }

  @Test func imagesAreReadAsStored() async throws {
    Scene.install()
    let rows = (0..<Scene.height).flatMap { row in
      Scene.picture[row * Scene.bytesPerRow..<row * Scene.bytesPerRow + Scene.width * 4]
    }
    let image = CGImage(standIn: rows, width: Scene.width, height: Scene.height)
    let expected = try Scene.expected(orientation: .upright, region: nil)
    let estimator = try await TinyPose()
    #expect(try list(estimator.estimate(image)) == expected.poses)
  }

  @Test(arguments: [nil, "0000"]) func anotherContractIsRefused(hash: String?) async {
    Scene.install(hash: hash)
    let error = PoseError.contractMismatch(expected: TinyPoseContract.contractHash, found: hash)
    await #expect(throws: error) { try await TinyPose() }
  }

  @Test func anotherInputIsRefused() async {
    Scene.install()
    let hash = ["posekit.contract_sha256": TinyPoseContract.contractHash]
    for inputs in [["image": [1, 3, 256, 192]], ["image": nil], ["a": [1], "b": [1]]] as [[String: [Int]?]] {
      MLModel.standIn.description = MLModelDescription(standInInputs: inputs, userDefined: hash)
      await #expect(throws: PoseError.self) { try await TinyPose() }
    }
  }

  @Test func badOutputsGiveNoPose() async throws {
    let name = TinyPoseContract.makeOutputs()[0].name
    Scene.install { $0[name] = nil }
    let estimator = try await TinyPose()
    #expect(throws: PoseError.tensorMissing(name)) { try estimator.estimate(buffer()) }
    var output = Scene.outputs()[0]
    output.values[5] = .nan
    let spoilt = output
    Scene.install { $0[name] = MLFeatureValue(multiArray: try Scene.halfArray(spoilt)) }
    #expect(throws: PoseError.nonFinite(tensor: name, index: 5)) { try estimator.estimate(buffer()) }
    let other = OutputTensor(name: name, shape: [2, 2, 2])
    Scene.install { $0[name] = MLFeatureValue(multiArray: try Scene.halfArray(other)) }
    #expect(throws: PoseError.self) { try estimator.estimate(buffer()) }
    Scene.install { _ in throw CocoaError(.featureUnsupported) }
    #expect(throws: PoseError.self) { try estimator.estimate(buffer()) }
  }

  @Test func otherPixelFormatsAreNamed() async throws {
    Scene.install()
    let estimator = try await TinyPose()
    #expect(throws: PoseError.unsupportedPixelFormat("x420")) { try estimator.estimate(buffer(format: 0x7834_3230)) }
    #expect(throws: PoseError.unsupportedPixelFormat("YCbCr with the matrix ITU_R_2020")) {
      try estimator.estimate(Scene.frame(format: kCVPixelFormatType_420YpCbCr8BiPlanarFullRange, matrix: "ITU_R_2020"))
    }
  }

  @Test(arguments: [
    (kCVPixelFormatType_420YpCbCr8BiPlanarVideoRange, "ITU_R_709_2", YuvColors(matrix: .bt709, range: .video)),
    (kCVPixelFormatType_420YpCbCr8BiPlanarFullRange, "ITU_R_601_4", YuvColors(matrix: .bt601, range: .full)),
    (kCVPixelFormatType_420YpCbCr8BiPlanarFullRange, nil, YuvColors(matrix: .bt601, range: .full)),
  ])
  func framesHaveTheirColours(format: OSType, matrix: String?, colors: YuvColors) async throws {
    Scene.install()
    var seen: [Float] = []
    let predict = MLModel.standIn.predict
    MLModel.standIn.predict = { inputs in
      let array = try #require(inputs.featureValue(for: "image")?.multiArrayValue)
      seen = array.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
      return try predict(inputs)
    }
    let estimator = try await TinyPose()
    let frame = Scene.frame(format: format, matrix: matrix)
    _ = try estimator.estimate(frame, orientation: .right)
    #expect(frame.locks == 0)
    let isSame = try seen == Scene.expectedInput(colors: colors, orientation: Orientation(rotationDegrees: 90))
    #expect(isSame)
  }

  @Test func closedIsClosed() async throws {
    Scene.install()
    let estimator = try await TinyPose()
    estimator.close()
    estimator.close()
    #expect(throws: PoseError.closed) { try estimator.estimate(buffer()) }
  }

  @Test func secondStartCompilesNothing() async throws {
    Scene.install()
    _ = try await TinyPose()
    MLModel.standIn.compiled = 0
    _ = try await TinyPose()
    #expect(MLModel.standIn.compiled == 0)
    #expect(MLModel.standIn.loaded.last?.path.contains("posekit/tiny-pose/") == true)
  }

  @Test func aModelThatAnotherEstimatorKeptMeanwhileStays() async throws {
    Scene.install()
    _ = try await TinyPose()
    let files = FileManager.default
    let kept = try #require(MLModel.standIn.loaded.last)
    let others = kept.appendingPathComponent("the others")
    let older = kept.deletingLastPathComponent().appendingPathComponent("older.mlmodelc")
    try files.removeItem(at: kept)
    let oldest = older.deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("oldest.mlmodelc")
    try files.createDirectory(at: older, withIntermediateDirectories: true)
    try files.createDirectory(at: oldest, withIntermediateDirectories: true)
    MLModel.standIn.whileCompiling = { try files.createDirectory(at: others, withIntermediateDirectories: true) }
    _ = try await TinyPose()
    #expect(files.fileExists(atPath: others.path))
    #expect(MLModel.standIn.loaded.last != kept)
    try files.removeItem(at: kept)
    MLModel.standIn.whileCompiling = {}
    _ = try await TinyPose()
    #expect(MLModel.standIn.loaded.last == kept)
    #expect(!files.fileExists(atPath: older.path))
    #expect(!files.fileExists(atPath: oldest.path))
  }

  @Test func regionsOfBoxesAreGrownAsInTraining() throws {
    let input = TinyPoseContract.input
    let region = try TinyPose.regionFromBox(Box(left: 100, top: 100, right: 220, bottom: 260))
    #expect(region.height == 160 * input.boxPadding)
    #expect(throws: PoseError.self) { try TinyPose.regionFromBox(Box(left: 1, top: 1, right: 1, bottom: 1)) }
  }

  @Test func missingModelIsNamed() async {
    let nowhere = URL(fileURLWithPath: "/nowhere/gone.mlpackage")
    await #expect(throws: PoseError.modelMissing("gone.mlpackage")) { try await TinyPose(modelURL: nowhere) }
  }
}
