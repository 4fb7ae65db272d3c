// SPDX-License-Identifier: Apache-2.0

// A stand-in; see CoreML.swift.

public enum CGImagePropertyOrientation: UInt32, Sendable {
  case up = 1
  case upMirrored
  case down
  case downMirrored
  case leftMirrored
  case right
  case rightMirrored
  case left
}
