// SPDX-License-Identifier: Apache-2.0

#if canImport(CoreML)
  @preconcurrency import CoreML
  import Foundation
  import TemplatePoseCore

  /// A loaded model with its input memory and scratch; belongs to one thread at a time.
  package final class Session {
    private static let contractKey = "posekit.contract_sha256"

    private let model: MLModel
    private let features: MLDictionaryFeatureProvider  // holds the input, which lies at `input`
    private let options = MLPredictionOptions()
    private let input: UnsafeMutableBufferPointer<Float>
    private var processor: PoseProcessor
    /// How long the steps of all its runs took so far.
    private(set) var spent = StepTimes()

    /// - Parameter stage: which network of the contract it is.
    /// - Throws: `PoseError.contractMismatch`, `.tensorMissing` or `.wrongShape`.
    package init(model: MLModel, stage: StageSpec = TemplatePoseContract.pose) throws {
      try Self.checkContract(model.modelDescription)
      let size = stage.input.size
      let shape = [1, size.height, size.width, 3]
      let name = try Self.inputName(model.modelDescription, shape: shape)
      processor = try PoseProcessor(stage)
      let count = stage.input.valueCount
      let memory = UnsafeMutableRawPointer.allocate(
        byteCount: count * MemoryLayout<Float>.stride, alignment: 64)
      let array = try MLMultiArray(
        dataPointer: memory, shape: shape.map { NSNumber(value: $0) }, dataType: .float32,
        strides: [count, size.width * 3, 3, 1].map { NSNumber(value: $0) },
        deallocator: { $0.deallocate() })
      let start = memory.bindMemory(to: Float.self, capacity: count)
      start.initialize(repeating: 0, count: count)
      self.input = UnsafeMutableBufferPointer(start: start, count: count)
      self.features = try MLDictionaryFeatureProvider(
        dictionary: [name: MLFeatureValue(multiArray: array)])
      self.model = model
      options.outputBackings = outputBackings(model.modelDescription, for: processor.outputs)
    }

    /// The part of a stored picture that `prepare` reads.
    func needed(of size: PixelSize, orientation: Orientation, region: Region?) throws -> PixelRectangle {
      try processor.needed(of: size, orientation: orientation, region: region)
    }

    /// Writes the network's input; the pixels are not needed afterwards.
    func prepare(_ pixels: PixelView, orientation: Orientation, region: Region?) throws
      -> PoseProcessor.Prepared
    {
      let start = milliseconds()
      let prepared = try processor.prepare(pixels, orientation: orientation, region: region, into: input)
      spent = spent + StepTimes(preprocessingMs: milliseconds() - start)
      return prepared
    }

    /// Runs the network once on what its input holds: the first run of a model takes longer than others. Where it
    /// fails, the first picture says why.
    func warmUp() {
      _ = autoreleasepool { try? model.prediction(from: features, options: options) }
    }

    /// Runs the network on the input that was prepared last.
    func run(_ prepared: PoseProcessor.Prepared) throws -> [Pose] {
      let start = milliseconds()
      try predict(into: &processor.outputs)
      let inferred = milliseconds()
      let poses = try processor.finish(prepared)
      spent = spent + StepTimes(inferenceMs: inferred - start, decodingMs: milliseconds() - inferred)
      return poses
    }

    /// The dense results of the run before.
    func dense(_ prepared: PoseProcessor.Prepared) throws -> [DenseMap] {
      let start = milliseconds()
      let maps = try processor.dense(prepared)
      spent = spent + StepTimes(decodingMs: milliseconds() - start)
      return maps
    }

    /// Runs the network on an input that was made elsewhere.
    /// - Parameter outputs: in the order of the contract, overwritten.
    package func infer(_ values: UnsafeBufferPointer<Float>, into outputs: inout [OutputTensor]) throws {
      guard values.count == input.count else {
        throw PoseError.wrongShape(tensor: "input", expected: [input.count], found: [values.count])
      }
      _ = input.update(from: values)
      try predict(into: &outputs)
    }

    /// In a pool of its own, so that what Core ML makes does not pile up on a thread that never drains its pool.
    private func predict(into outputs: inout [OutputTensor]) throws {
      try autoreleasepool { try predictAndRead(into: &outputs) }
    }

    private func predictAndRead(into outputs: inout [OutputTensor]) throws {
      let results: any MLFeatureProvider
      do {
        results = try model.prediction(from: features, options: options)
      } catch {
        throw PoseError.predictionFailed(error.localizedDescription)
      }
      for index in outputs.indices {
        let name = outputs[index].name
        guard let array = results.featureValue(for: name)?.multiArrayValue else {
          throw PoseError.tensorMissing(name)
        }
        try read(array, into: &outputs[index])
      }
    }

    private static func checkContract(_ description: MLModelDescription) throws {
      let stated = description.metadata[.creatorDefinedKey] as? [String: String]
      let found = stated?[contractKey]
      guard found == TemplatePoseContract.contractHash else {
        throw PoseError.contractMismatch(
          expected: TemplatePoseContract.contractHash, found: found)
      }
    }

    /// The name of the model's only input, which must be an image tensor of the contract's size.
    private static func inputName(_ description: MLModelDescription, shape expected: [Int]) throws -> String {
      let inputs = description.inputDescriptionsByName
      guard inputs.count == 1, let (name, input) = inputs.first,
        let constraint = input.multiArrayConstraint
      else {
        throw PoseError.tensorMissing("the one input")
      }
      let shape = constraint.shape.map(\.intValue)
      guard shape == expected else {
        throw PoseError.wrongShape(tensor: name, expected: expected, found: shape)
      }
      return name
    }
  }

  /// By a clock that does not go back.
  private func milliseconds() -> Double { Double(DispatchTime.now().uptimeNanoseconds) / 1e6 }
#endif
