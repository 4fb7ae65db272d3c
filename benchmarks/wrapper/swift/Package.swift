// swift-tools-version: 6.0
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

// Sources/TinyPoseCore is put here by run.py, with every decoder.
let package = Package(
  name: "Benchmark",
  targets: [
    .target(name: "TinyPoseCore"),
    .executableTarget(name: "Benchmark", dependencies: ["TinyPoseCore"]),
  ],
  swiftLanguageModes: [.v6]
)
