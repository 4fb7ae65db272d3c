// SPDX-License-Identifier: Apache-2.0

/// How a region is brought to the network's input.
public enum Resize: String, CaseIterable, Sendable {
  /// The region fills the input; outside the source there usually is `padValue`.
  case affineCrop = "affine_crop"
  /// One scale for both axes, the content where `Anchor` says, the rest is `padValue`.
  case letterbox
  /// The region fills the input; outside the source its edge usually is repeated.
  case stretch
}

/// How pixels of the picture become those of the input.
public enum Sampling: String, CaseIterable, Sendable {
  /// Two pixels an axis, as `cv2.INTER_LINEAR` does.
  case bilinear
  /// The same at places rounded to 32nds of a pixel, as OpenCV has warped pictures of 8 bits.
  case bilinear32nds = "bilinear_32nds"
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

/// What lies outside the picture: `padValue`, or its edge repeated.
public enum Outside: String, CaseIterable, Sendable { case value, edge }

/// Where in a letterbox the content lies.
public enum Anchor: String, CaseIterable, Sendable {
  case center
  case topLeft = "top_left"
}

/// How the sides of a letterbox's content become whole px.
public enum Rounding: String, CaseIterable, Sendable {
  case halfUp = "half_up"
  case halfEven = "half_even"
  case floor
}

/// Which side of a letterbox's centred content takes a spare px: the one after it (right and bottom) or before it.
public enum OddPixel: String, CaseIterable, Sendable { case after, before }

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
  /// Of a letterbox.
  public let anchor: Anchor
  /// Of a letterbox.
  public let rounding: Rounding
  /// Of a letterbox.
  public let oddPixel: OddPixel
  /// Of a letterbox: whether pictures smaller than the input grow.
  public let enlarge: Bool
  public let outside: Outside

  public init(
    size: PixelSize, resize: Resize, boxPadding: Double, padValue: Double, alignment: Alignment,
    sampling: Sampling = .bilinear, anchor: Anchor = .center, rounding: Rounding = .halfUp,
    oddPixel: OddPixel = .after, enlarge: Bool = true, outside: Outside? = nil
  ) {
    self.size = size
    self.resize = resize
    self.boxPadding = boxPadding
    self.padValue = padValue
    self.alignment = alignment
    self.sampling = sampling
    self.anchor = anchor
    self.rounding = rounding
    self.oddPixel = oddPixel
    self.enlarge = enlarge
    self.outside = outside ?? (resize == .affineCrop ? .value : .edge)
  }

  /// Coordinate of the centre of pixel 0.
  public var pixelCenter: Double { alignment == .halfPixel ? 0.5 : 0 }

  /// Numbers in one input: 3 a pixel.
  public var valueCount: Int { size.width * size.height * 3 }
}
