// SPDX-License-Identifier: Apache-2.0

// A stand-in for the few parts of Core ML that the package uses, where there is no Core ML. It shows that the
// package's own code holds together; of Core ML itself it shows nothing. Never shipped.

@_exported import CoreVideo
@_exported import Foundation

public class MLModelConfiguration: NSObject {
  public var computeUnits = MLComputeUnits.all
}

public enum MLComputeUnits: Int, Sendable {
  case cpuOnly = 0
  case cpuAndGPU = 1
  case all = 2
  case cpuAndNeuralEngine = 3
}

public struct MLModelMetadataKey: RawRepresentable, Hashable, Sendable {
  public let rawValue: String

  public init(rawValue: String) {
    self.rawValue = rawValue
  }

  public static let creatorDefinedKey = MLModelMetadataKey(rawValue: "MLModelCreatorDefinedKey")
}

public class MLMultiArrayConstraint: NSObject {
  public let shape: [NSNumber]
  public let dataType: MLMultiArrayDataType

  public init(standInShape: [Int], dataType: MLMultiArrayDataType = .float32) {
    shape = standInShape.map { NSNumber(value: $0) }
    self.dataType = dataType
  }
}

public class MLPredictionOptions: NSObject {
  public var outputBackings: [String: Any] = [:]
}

public class MLFeatureDescription: NSObject {
  public let multiArrayConstraint: MLMultiArrayConstraint?

  public init(standInShape: [Int]?, dataType: MLMultiArrayDataType = .float32) {
    multiArrayConstraint = standInShape.map { MLMultiArrayConstraint(standInShape: $0, dataType: dataType) }
  }
}

public class MLModelDescription: NSObject {
  public let inputDescriptionsByName: [String: MLFeatureDescription]
  public let outputDescriptionsByName: [String: MLFeatureDescription]
  public let metadata: [MLModelMetadataKey: Any]

  /// - Parameter standInOutputs: which are of half precision.
  public init(
    standInInputs: [String: [Int]?], standInOutputs: [String: [Int]] = [:], userDefined: [String: String]?
  ) {
    inputDescriptionsByName = standInInputs.mapValues { MLFeatureDescription(standInShape: $0) }
    outputDescriptionsByName = standInOutputs.mapValues {
      MLFeatureDescription(standInShape: $0, dataType: .float16)
    }
    metadata = userDefined.map { [.creatorDefinedKey: $0] } ?? [:]
  }
}

public class MLModel: NSObject {
  /// What every model is and does; set by a test before it loads one.
  public struct StandIn {
    public var description = MLModelDescription(standInInputs: [:], userDefined: nil)
    public var predict: (any MLFeatureProvider) throws -> any MLFeatureProvider = { $0 }
    public var compiled = 0
    /// What happens elsewhere in the meantime.
    public var whileCompiling: () throws -> Void = {}
    public var whileLoading: (MLComputeUnits) throws -> Void = { _ in }
    /// How many of the three operations a Neural Engine would take.
    public var onNeuralEngine = 1
    public var loaded: [URL] = []
    public var units: [MLComputeUnits] = []
    /// What the latest run was offered for its outputs.
    public var backings: [String: MLMultiArray] = [:]
    public init() {}
  }

  nonisolated(unsafe) public static var standIn = StandIn()

  public var modelDescription: MLModelDescription { Self.standIn.description }

  public class func compileModel(at url: URL) async throws -> URL {
    let target = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).mlmodelc")
    try FileManager.default.copyItem(at: url, to: target)
    standIn.compiled += 1
    try standIn.whileCompiling()
    return target
  }

  public class func load(contentsOf url: URL, configuration: MLModelConfiguration) async throws -> MLModel {
    guard FileManager.default.fileExists(atPath: url.path) else { throw CocoaError(.fileNoSuchFile) }
    try standIn.whileLoading(configuration.computeUnits)
    standIn.loaded.append(url)
    standIn.units.append(configuration.computeUnits)
    return MLModel()
  }

  public func prediction(
    from input: any MLFeatureProvider, options: MLPredictionOptions
  ) throws -> any MLFeatureProvider {
    Self.standIn.backings = options.outputBackings.compactMapValues { $0 as? MLMultiArray }
    return try Self.standIn.predict(input)
  }
}
