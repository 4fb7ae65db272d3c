// SPDX-License-Identifier: Apache-2.0

// Desktop REQUEST OUT MODEL DEVICE: makes inputs and decodes outputs; the model is run by whoever asks.

import Foundation
import TemplatePoseRun

guard CommandLine.arguments.count == 5 else {
  FileHandle.standardError.write(Data("usage: Desktop REQUEST OUT MODEL DEVICE\n".utf8))
  exit(2)
}
let folders = CommandLine.arguments[1...3].map { URL(fileURLWithPath: $0) }
#if os(Linux)
  let system = "Linux"
#else
  let system = "macOS"
#endif
let device = RunDevice(name: CommandLine.arguments[4], os: "\(system) \(systemVersion())")
let run = DeviceRun(
  request: folders[0], out: folders[1], device: device, runtime: "model run by the host", model: folders[2])
_ = try await run.run { FileHandle.standardError.write(Data("\($0)\n".utf8)) }
