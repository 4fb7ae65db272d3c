// swift-tools-version: 6.0
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

// posekit puts the sources of the core and of the runner here, out of a generated package.
let package = Package(
  name: "Desktop",
  targets: [
    .target(name: "TemplatePoseCore"),
    .target(name: "TemplatePoseRun", dependencies: ["TemplatePoseCore"]),
    .executableTarget(name: "Desktop", dependencies: ["TemplatePoseCore", "TemplatePoseRun"]),
  ],
  swiftLanguageModes: [.v6]
)
