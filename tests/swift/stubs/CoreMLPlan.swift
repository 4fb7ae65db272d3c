// SPDX-License-Identifier: Apache-2.0

// Core ML's plan of what runs where; see CoreML.swift.

import Foundation

public class MLCPUComputeDevice {}
public class MLGPUComputeDevice {}
public class MLNeuralEngineComputeDevice {}

public enum MLComputeDevice {
  case cpu(MLCPUComputeDevice)
  case gpu(MLGPUComputeDevice)
  case neuralEngine(MLNeuralEngineComputeDevice)
}

public enum MLModelStructure {
  public struct Program {
    public struct Operation {
      public let operatorName: String
    }
    public struct Block {
      public let operations: [Operation]
    }
    public struct Function {
      public let block: Block
    }
    public let functions: [String: Function]
  }
  case program(Program)
  case unsupported
}

public class MLComputePlan {
  public struct DeviceUsage {
    public let preferred: MLComputeDevice
  }

  public let modelStructure: MLModelStructure
  private let units: MLComputeUnits

  private init(units: MLComputeUnits) {
    let operations = ["const", "conv0", "conv1", "conv2"].map { MLModelStructure.Program.Operation(operatorName: $0) }
    modelStructure = .program(.init(functions: ["main": .init(block: .init(operations: operations))]))
    self.units = units
  }

  public class func load(contentsOf url: URL, configuration: MLModelConfiguration) async throws -> MLComputePlan {
    guard FileManager.default.fileExists(atPath: url.path) else { throw CocoaError(.fileNoSuchFile) }
    return MLComputePlan(units: configuration.computeUnits)
  }

  /// A GPU takes the work that is offered to it, a Neural Engine as much of it as the test says.
  public func deviceUsage(for operation: MLModelStructure.Program.Operation) -> DeviceUsage? {
    if operation.operatorName == "const" { return nil }
    if units == .cpuAndGPU { return DeviceUsage(preferred: .gpu(MLGPUComputeDevice())) }
    let isTaken = Int(operation.operatorName.suffix(1)) ?? 0 < MLModel.standIn.onNeuralEngine
    return DeviceUsage(preferred: isTaken ? .neuralEngine(MLNeuralEngineComputeDevice()) : .cpu(MLCPUComputeDevice()))
  }
}
