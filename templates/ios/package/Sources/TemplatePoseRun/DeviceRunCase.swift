// SPDX-License-Identifier: Apache-2.0

import Foundation
import TemplatePoseCore

/// The cases on one accelerator; without a model, inputs are made and given outputs decoded.
final class PassRun {
  private let files: RequestFiles
  private let written: RunFiles
  private let infer: LoadedModel.Infer?
  private let input: UnsafeMutableBufferPointer<Float>
  private let spec: InputSpec
  private var processor: PoseProcessor
  private(set) var times = RunTimes()

  init(_ stage: StageSpec, files: RequestFiles, written: RunFiles, infer: LoadedModel.Infer?) throws {
    spec = stage.input
    processor = try PoseProcessor(stage)
    self.files = files
    self.written = written
    self.infer = infer
    input = .allocate(capacity: stage.input.valueCount)
    input.initialize(repeating: 0)
  }

  deinit { input.deallocate() }

  /// - Parameter stem: how the names of its tensors' files begin.
  func run(_ asked: AskedCase, of request: RunRequest, stem: String) throws -> CaseRecord {
    let picture = try files.picture(asked.picture)
    let tensor = try files.tensor(asked.input)
    let region = try asked.region?.region() ?? wholeFrame(asked.picture)
    let prepared = PoseProcessor.Prepared(
      region: region, transform: try inputTransform(region: region, input: spec))
    let results = try request.modes.map { mode in
      switch mode {
      case .image: try image(asked, picture, stem, request)
      case .tensor: try reference(asked, tensor, prepared, stem)
      case .outputs: try given(asked, prepared, stem)
      }
    }
    return CaseRecord(
      name: asked.name, sha256: picture.sha256(with: tensor), region: WrittenRegion(region), results: results)
  }

  private func wholeFrame(_ picture: AskedPicture) throws -> Region {
    let upright = uprightSize(storedSize: picture.size, orientation: picture.orientation)
    return try frameRegion(sourceSize: upright, input: spec)
  }

  private func image(
    _ asked: AskedCase, _ picture: LoadedPicture, _ stem: String, _ request: RunRequest
  ) throws -> ResultRecord {
    let prepared = try prepare(asked, picture)
    let size = spec.size
    var result = ResultRecord(mode: .image)
    result.input = try written.tensor(
      "\(stem)-image-input.f32", shape: [1, size.height, size.width, 3], UnsafeBufferPointer(input))
    guard let infer else { return result }
    try infer(UnsafeBufferPointer(input), &processor.outputs)
    result.outputs = try outputs("\(stem)-image")
    add(try decoded(prepared), to: &result)
    result.dense = try dense(prepared, "\(stem)-image")
    try time(asked, picture, request, infer)
    return result
  }

  private func reference(
    _ asked: AskedCase, _ tensor: Data, _ prepared: PoseProcessor.Prepared, _ stem: String
  ) throws -> ResultRecord {
    guard let infer else { throw RunError("mode 'tensor' needs a model") }
    guard asked.input.count == input.count else {
      throw RunError(
        "the input of case '\(asked.name)' has \(asked.input.count) values, the model takes \(input.count)")
    }
    _ = input.update(from: floats(tensor))
    try infer(UnsafeBufferPointer(input), &processor.outputs)
    var result = ResultRecord(mode: .tensor)
    result.outputs = try outputs("\(stem)-tensor")
    add(try decoded(prepared), to: &result)
    result.dense = try dense(prepared, "\(stem)-tensor")
    return result
  }

  private func given(
    _ asked: AskedCase, _ prepared: PoseProcessor.Prepared, _ stem: String
  ) throws -> ResultRecord {
    for index in processor.outputs.indices {
      let output = processor.outputs[index]
      guard let tensor = asked.outputs?[output.name] else { throw PoseError.tensorMissing(output.name) }
      guard tensor.shape == [1] + output.shape else {
        throw PoseError.wrongShape(tensor: output.name, expected: [1] + output.shape, found: tensor.shape)
      }
      processor.outputs[index].values = floats(try files.tensor(tensor))
    }
    var result = ResultRecord(mode: .outputs)
    add(try decoded(prepared), to: &result)
    result.dense = try dense(prepared, "\(stem)-outputs")
    return result
  }

  private func prepare(_ asked: AskedCase, _ picture: LoadedPicture) throws -> PoseProcessor.Prepared {
    try picture.bytes.withUnsafeBytes { bytes in
      let size = asked.picture.size
      let view = try PixelView(
        bytes, width: size.width, height: size.height, bytesPerRow: size.width * 3, order: .rgb)
      return try processor.prepare(
        view, orientation: asked.picture.orientation, region: try asked.region?.region(), into: input)
    }
  }

  private func outputs(_ stem: String) throws -> [String: TensorRecord] {
    var records: [String: TensorRecord] = [:]
    for (index, output) in processor.outputs.enumerated() {
      records[output.name] = try output.values.withUnsafeBufferPointer {
        try written.tensor("\(stem)-output\(index).f32", shape: [1] + output.shape, $0)
      }
    }
    return records
  }

  /// The dense results, none where the outputs are not finite.
  private func dense(_ prepared: PoseProcessor.Prepared, _ stem: String) throws -> [String: TensorRecord] {
    var records: [String: TensorRecord] = [:]
    do {
      for map in try processor.dense(prepared) {
        records[map.name] = try map.values.withUnsafeBufferPointer {
          try written.tensor("\(stem)-dense-\(map.name).f32", shape: [map.size.height, map.size.width], $0)
        }
        records["\(map.name)_uv"] = try map.surface?.withUnsafeBufferPointer {
          try written.tensor("\(stem)-dense-\(map.name)-uv.f32", shape: [map.size.height, map.size.width, 2], $0)
        }
      }
    } catch PoseError.nonFinite {
      return [:]
    }
    return records
  }

  /// The poses, nil where the outputs are not finite.
  private func decoded(_ prepared: PoseProcessor.Prepared) throws -> [Pose]? {
    do {
      return try processor.finish(prepared)
    } catch {
      guard case .nonFinite = error else { throw error }
      return nil
    }
  }

  /// - Parameter poses: nil where nobody could be decoded.
  private func add(_ poses: [Pose]?, to result: inout ResultRecord) {
    guard let poses else { return }
    let people = poses.compactMap(PersonRecord.init)
    if people.count == poses.count { result.people = people }
  }

  private func time(
    _ asked: AskedCase, _ picture: LoadedPicture, _ request: RunRequest, _ infer: LoadedModel.Infer
  ) throws {
    for run in 0..<(request.repeats == 0 ? 0 : request.warmup + request.repeats) {
      let start = nanoseconds()
      let prepared = try prepare(asked, picture)
      let ready = nanoseconds()
      try infer(UnsafeBufferPointer(input), &processor.outputs)
      let inferred = nanoseconds()
      _ = try decoded(prepared)
      if run >= request.warmup {
        times.add(start: start, prepared: ready, inferred: inferred, decoded: nanoseconds())
      }
    }
  }
}

/// Numbers of raw little-endian float32.
private func floats(_ data: Data) -> [Float] {
  data.withUnsafeBytes { bytes in
    (0..<bytes.count / 4).map {
      Float(bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * 4, as: UInt32.self)))
    }
  }
}
