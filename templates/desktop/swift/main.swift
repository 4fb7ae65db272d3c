// SPDX-License-Identifier: Apache-2.0

// Desktop REQUEST OUT MODEL DEVICE: makes inputs and decodes outputs; the model is run by whoever asks.
// Desktop GOLDEN STAGE: holds the core to golden vectors of a stage.
// Desktop live: looks at frames that come by standard input; the model is run by whoever asks.

import Foundation
import TemplatePoseRun

if CommandLine.arguments == [CommandLine.arguments[0], "live"] {
  try LiveRun().run()
  exit(0)
}
if CommandLine.arguments.count == 3 {
  let golden = URL(fileURLWithPath: CommandLine.arguments[1], isDirectory: true)
  print(try goldenReport(folder: golden, stage: CommandLine.arguments[2]))
  exit(0)
}
guard CommandLine.arguments.count == 5 else {
  FileHandle.standardError.write(Data("usage: Desktop REQUEST OUT MODEL DEVICE | GOLDEN STAGE | live\n".utf8))
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
  request: folders[0], out: folders[1], device: device, runtime: "model run by the host", model: { _ in folders[2] })
_ = try await run.run { FileHandle.standardError.write(Data("\($0)\n".utf8)) }
