// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Everything that can go wrong between a picture and its keypoints.
public enum PoseError: LocalizedError, Equatable, Sendable {
  /// The model file is not in the app. Holds the file's name.
  case modelMissing(String)
  /// Core ML could not compile or load the model. Holds Core ML's own words.
  case modelUnusable(String)
  /// The model was made from another contract than this code. `found` is nil where it names none.
  case contractMismatch(expected: String, found: String?)
  /// The model lacks an input or output that this code needs.
  case tensorMissing(String)
  /// A tensor has another shape than the contract says.
  case wrongShape(tensor: String, expected: [Int], found: [Int])
  /// A tensor holds another type of number than Float16, Float32 or Double, or is not one block.
  case wrongType(tensor: String, found: String)
  /// A setting of the decoder is missing (`found` is nil) or not what the decoder can work with.
  case wrongSetting(name: String, expected: String, found: String?)
  /// The decoder found another number of people than the one that the model is of.
  case notOnePerson(found: Int)
  /// An output holds, or gives, NaN or infinity at `index` (row order), so no keypoint is given.
  case nonFinite(tensor: String, index: Int)
  /// A region needs finite numbers, a positive size, and a scale that can be computed.
  case invalidRegion(String)
  /// An orientation other than quarter turns, or an EXIF value other than 1 to 8.
  case invalidOrientation(Int)
  /// An image without pixels. Sizes in px.
  case emptyImage(width: Int, height: Int)
  /// Pixels that cannot be read: rows too short, a buffer too small, no base address.
  case unreadablePixels(String)
  /// A pixel format other than 32BGRA and 32RGBA. Holds its four-character name.
  case unsupportedPixelFormat(String)
  /// Core ML failed while it ran the model. Holds Core ML's own words.
  case predictionFailed(String)
  /// The estimator was used after `close()`.
  case closed

  /// One sentence for a person, with what was expected and what was found.
  public var errorDescription: String? {
    switch self {
    case .modelMissing(let file):
      "The pose model \(file) is not in the app's resources."
    case .modelUnusable(let reason):
      "Core ML could not load the pose model: \(reason)"
    case .contractMismatch(let expected, let found):
      "The pose model's contract is \(found ?? "not stated"), but this code was generated for \(expected)."
    case .tensorMissing(let name):
      "The pose model has no tensor named \(name)."
    case .wrongShape(let tensor, let expected, let found):
      "Tensor \(tensor) has shape \(found), expected \(expected)."
    case .wrongType(let tensor, let found):
      "Tensor \(tensor) holds \(found), expected Float16, Float32 or Double."
    case .wrongSetting(let name, let expected, let found):
      "The decoder's setting \(name) is \(found ?? "missing"), expected \(expected)."
    case .notOnePerson(let found):
      "The decoder found \(found) people, expected one."
    case .nonFinite(let tensor, let index):
      "Output \(tensor) is not finite at index \(index)."
    default:
      imageErrorDescription
    }
  }

  private var imageErrorDescription: String? {
    switch self {
    case .invalidRegion(let reason):
      "The region cannot be used: \(reason)."
    case .invalidOrientation(let value):
      "\(value) is no orientation; expected 0, 90, 180 or 270 degrees, or an EXIF value from 1 to 8."
    case .emptyImage(let width, let height):
      "The image has \(width) x \(height) px."
    case .unreadablePixels(let reason):
      "The pixels cannot be read: \(reason)."
    case .unsupportedPixelFormat(let name):
      "Pixel format \(name) is not supported; set the camera's output to 32BGRA."
    case .predictionFailed(let reason):
      "Core ML failed to run the pose model: \(reason)"
    case .closed:
      "The pose estimator was used after close()."
    default:
      nil
    }
  }
}
