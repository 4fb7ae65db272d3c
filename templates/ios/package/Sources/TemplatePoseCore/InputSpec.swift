// SPDX-License-Identifier: Apache-2.0

/// How a region is brought to the network's input.
public enum Resize: String, CaseIterable, Sendable {
  /// The region fills the input; outside the source there is `padValue`.
  case affineCrop = "affine_crop"
  /// One scale for both axes, the content centred, the rest is `padValue`.
  case letterbox
  /// The region fills the input; outside the source its edge is repeated.
  case stretch
}

/// How pixels of the picture become those of the input.
public enum Sampling: String, CaseIterable, Sendable {
  /// Two pixels an axis, as `cv2.INTER_LINEAR` does.
  case bilinear
  /// All pixels under a triangle filter, as Pillow's resize does; for upright regions.
  case bilinearAntialias = "bilinear_antialias"
}

/// What a coordinate means in px.
public enum Alignment: String, CaseIterable, Sendable {
  /// The centre of pixel i is at i + 0.5; a row of n pixels is n long.
  case halfPixel = "half_pixel"
  /// The centre of pixel i is at i; a row of n pixels is n long.
  case index
  /// The centre of pixel i is at i; a row of n pixels is n - 1 long.
  case corners

  /// What a row of n pixels is shorter than n.
  var shrink: Int { self == .corners ? 1 : 0 }
}

/// How the network wants its picture. Colours are always RGB, 0-255: the model holds the rest.
public struct InputSpec: Equatable, Sendable {
  /// The network's input, input px.
  public let size: PixelSize
  public let resize: Resize
  /// Factor by which training grew a person's box.
  public let boxPadding: Double
  /// Grey level 0-255 of pixels that show nothing.
  public let padValue: Double
  public let alignment: Alignment
  public let sampling: Sampling

  public init(
    size: PixelSize, resize: Resize, boxPadding: Double, padValue: Double, alignment: Alignment,
    sampling: Sampling = .bilinear
  ) {
    self.size = size
    self.resize = resize
    self.boxPadding = boxPadding
    self.padValue = padValue
    self.alignment = alignment
    self.sampling = sampling
  }

  /// Numbers in one input: 3 a pixel.
  public var valueCount: Int { size.width * size.height * 3 }
}
