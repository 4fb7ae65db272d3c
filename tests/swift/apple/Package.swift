// swift-tools-version: 6.0
// SPDX-License-Identifier: Apache-2.0

import PackageDescription

// The Core ML layer on stand-ins of Apple's modules. render.py puts the sources here.
let package = Package(
  name: "AppleLayer",
  targets: [
    .target(name: "CoreVideo"),
    .target(name: "CoreGraphics"),
    .target(name: "ImageIO"),
    .target(name: "CryptoKit"),
    .target(name: "CoreML", dependencies: ["CoreVideo"]),
    .target(name: "TinyPoseCore"),
    .target(
      name: "TinyPose",
      dependencies: ["TinyPoseCore", "CoreML", "CoreVideo", "CoreGraphics", "ImageIO", "CryptoKit"],
      resources: [.copy("tiny-pose.mlpackage"), .copy("pose.json"), .copy("PrivacyInfo.xcprivacy")]),
    .target(name: "TinyPoseRun", dependencies: ["TinyPose", "TinyPoseCore"]),
    .testTarget(
      name: "AppleLayerTests", dependencies: ["TinyPose", "TinyPoseRun"],
      // Testing would look for its companions of the real modules
      swiftSettings: [.unsafeFlags(["-Xfrontend", "-disable-cross-import-overlays"])]),
  ],
  swiftLanguageModes: [.v6]
)
