// SPDX-License-Identifier: Apache-2.0

import CoreML
import CoreVideo
import TinyPose
import TinyPoseCore

/// The picture, region and outputs of the tests, and a stand-in model that gives those outputs.
struct Scene {
  static let width = 90
  static let height = 70
  static let bytesPerRow = 90 * 4 + 24

  /// BGRA, with stray bytes after each row.
  static let picture: [UInt8] = (0..<bytesPerRow * height).map { UInt8(truncatingIfNeeded: $0 &* 7919 >> 3) }

  /// A camera's frame of an odd size in the same bytes, with stray bytes after each row and between the planes.
  private static let frameSize = PixelSize(width: 75, height: 49)
  private static let chromaStart = 49 * 80 + 5

  static func frame(format: OSType, matrix: String?) -> CVPixelBuffer {
    CVPixelBuffer(
      standIn: picture, format: format, width: frameSize.width, height: frameSize.height, bytesPerRow: 80,
      planes: [
        .init(offset: 0, height: 49, bytesPerRow: 80), .init(offset: chromaStart, height: 25, bytesPerRow: 84),
      ],
      attachments: matrix.map { ["CVImageBufferYCbCrMatrix": $0] } ?? [:])
  }

  /// What the core makes of that frame.
  static func expectedInput(colors: YuvColors, orientation: Orientation) throws -> [Float] {
    let processor = try PoseProcessor()
    var input = [Float](repeating: 0, count: TinyPoseContract.input.valueCount)
    try picture.withUnsafeBytes { bytes in
      func plane(_ start: Int, _ bytesPerRow: Int, _ bytesPerSample: Int) -> PlaneView {
        PlaneView(
          UnsafeRawBufferPointer(rebasing: bytes[start...]), bytesPerRow: bytesPerRow, bytesPerSample: bytesPerSample)
      }
      let view = try PixelView(
        y: plane(0, 80, 1), u: plane(chromaStart, 84, 2), v: plane(chromaStart + 1, 84, 2),
        width: frameSize.width, height: frameSize.height, colors: colors)
      _ = try input.withUnsafeMutableBufferPointer {
        try processor.prepare(view, orientation: orientation, region: nil, into: $0)
      }
    }
    return input
  }

  /// One output of the contract; its numbers are exact in half precision.
  static func outputs() -> [OutputTensor] {
    TinyPoseContract.makeOutputs().map { empty in
      var output = empty
      for index in output.values.indices { output.values[index] = Float(index &* 7919 % 1000) / 1024 }
      return output
    }
  }

  /// An output as Core ML may give it: half precision, with padded rows.
  static func halfArray(_ output: OutputTensor) throws -> MLMultiArray {
    let shape = [1] + output.shape
    var strides = [1]
    for (place, length) in shape.dropFirst().reversed().enumerated() {
      strides.insert(strides[0] * length + (place == 0 ? 3 : 0), at: 0)
    }
    let rowLength = output.shape.last ?? 1
    let rows = output.values.count / rowLength
    let memory = UnsafeMutablePointer<UInt16>.allocate(capacity: rows * strides[shape.count - 2])
    memory.initialize(repeating: 0x7e00, count: rows * strides[shape.count - 2])  // NaN between the rows
    for (index, value) in output.values.enumerated() {
      memory[index / rowLength * strides[shape.count - 2] + index % rowLength] = Float16(value).bitPattern
    }
    return try MLMultiArray(
      dataPointer: memory, shape: shape.map { $0 as NSNumber }, dataType: .float16,
      strides: strides.map { $0 as NSNumber }, deallocator: { $0.deallocate() })
  }

  /// Makes every model one of the right contract that gives `outputs()`.
  static func install(
    hash: String? = TinyPoseContract.contractHash,
    change: @escaping (inout [String: MLFeatureValue]) throws -> Void = { _ in }
  ) {
    let size = TinyPoseContract.input.size
    var standIn = MLModel.StandIn()
    standIn.description = MLModelDescription(
      standInInputs: ["image": [1, size.height, size.width, 3]],
      standInOutputs: Dictionary(uniqueKeysWithValues: outputs().map { ($0.name, [1] + $0.shape) }),
      userDefined: hash.map { ["posekit.contract_sha256": $0] })
    standIn.predict = { _ in
      var values: [String: MLFeatureValue] = [:]
      for output in outputs() { values[output.name] = MLFeatureValue(multiArray: try halfArray(output)) }
      try change(&values)
      return try MLDictionaryFeatureProvider(dictionary: values)
    }
    MLModel.standIn = standIn
  }

  /// What the core makes of the same picture and outputs.
  static func expected(orientation: Orientation, region: Region?) throws -> (input: [Float], poses: [Pose]) {
    var processor = try PoseProcessor()
    var input = [Float](repeating: 0, count: TinyPoseContract.input.valueCount)
    let prepared = try picture.withUnsafeBytes { bytes in
      let view = try PixelView(bytes, width: width, height: height, bytesPerRow: bytesPerRow, order: .bgra)
      return try input.withUnsafeMutableBufferPointer {
        try processor.prepare(view, orientation: orientation, region: region, into: $0)
      }
    }
    processor.outputs = outputs()
    return (input, try processor.finish(prepared))
  }
}
