// swift-tools-version: 6.0
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

// Sources/TinyPoseCore is put here by render.py, with every decoder.
let package = Package(
  name: "Harness",
  targets: [
    .target(name: "TinyPoseCore"),
    .executableTarget(name: "Harness", dependencies: ["TinyPoseCore"]),
  ],
  swiftLanguageModes: [.v6]
)
