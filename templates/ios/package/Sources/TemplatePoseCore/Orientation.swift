// SPDX-License-Identifier: Apache-2.0

/// How a stored picture becomes upright: turn it clockwise by `rotationDegrees`, then mirror it left to
/// right if `mirrored`.
///
/// Keypoints are given in px of the upright, unmirrored image, so left stays the person's left. A picture
/// that was stored mirrored (`isVideoMirrored`) needs `mirrored: true`; a preview that merely *shows* it
/// mirrored does not: there the app mirrors what it draws.
public struct Orientation: Equatable, Sendable {
  /// Clockwise turn: 0, 90, 180 or 270.
  public let rotationDegrees: Int
  /// Whether the turned picture still has to be mirrored.
  public let mirrored: Bool

  /// Whether width and height change places.
  var swapsSides: Bool { rotationDegrees == 90 || rotationDegrees == 270 }

  /// Stored as it is seen.
  public static let upright = Orientation(quarterTurns: 0, mirrored: false)

  /// - Throws: `PoseError.invalidOrientation` unless the turn is 0, 90, 180 or 270.
  public init(rotationDegrees: Int, mirrored: Bool = false) throws(PoseError) {
    guard [0, 90, 180, 270].contains(rotationDegrees) else {
      throw .invalidOrientation(rotationDegrees)
    }
    self.init(quarterTurns: rotationDegrees / 90, mirrored: mirrored)
  }

  /// The orientation of an EXIF value (1 to 8), which is also `CGImagePropertyOrientation.rawValue`.
  /// - Throws: `PoseError.invalidOrientation` for any other value.
  public init(exifValue: Int) throws(PoseError) {
    guard let known = Self.byExifValue[exifValue] else { throw .invalidOrientation(exifValue) }
    self = known
  }

  private init(quarterTurns: Int, mirrored: Bool) {
    self.rotationDegrees = quarterTurns * 90
    self.mirrored = mirrored
  }

  private static let byExifValue: [Int: Orientation] = [
    1: Orientation(quarterTurns: 0, mirrored: false),  // up
    2: Orientation(quarterTurns: 0, mirrored: true),  // upMirrored
    3: Orientation(quarterTurns: 2, mirrored: false),  // down
    4: Orientation(quarterTurns: 2, mirrored: true),  // downMirrored
    5: Orientation(quarterTurns: 1, mirrored: true),  // leftMirrored
    6: Orientation(quarterTurns: 1, mirrored: false),  // right
    7: Orientation(quarterTurns: 3, mirrored: true),  // rightMirrored
    8: Orientation(quarterTurns: 3, mirrored: false),  // left
  ]
}

/// Size in px of the upright image of a stored one.
public func uprightSize(storedSize: PixelSize, orientation: Orientation) -> PixelSize {
  orientation.swapsSides
    ? PixelSize(width: storedSize.height, height: storedSize.width) : storedSize
}

/// From pixel indices of the upright image to pixel indices of the stored one.
public func storedIndexMatrix(storedSize: PixelSize, orientation: Orientation) -> Affine {
  let lastColumn = Double(storedSize.width - 1)
  let lastRow = Double(storedSize.height - 1)
  let flip = orientation.mirrored ? -1.0 : 1.0
  let upright = uprightSize(storedSize: storedSize, orientation: orientation)
  // upright column, before mirroring, of column 0
  let start = orientation.mirrored ? Double(upright.width - 1) : 0
  switch orientation.rotationDegrees {
  case 90: return Affine(a: 0, b: 1, tx: 0, c: -flip, d: 0, ty: lastRow - start)
  case 180: return Affine(a: -flip, b: 0, tx: lastColumn - start, c: 0, d: -1, ty: lastRow)
  case 270: return Affine(a: 0, b: -1, tx: lastColumn, c: flip, d: 0, ty: start)
  default: return Affine(a: flip, b: 0, tx: start, c: 0, d: 1, ty: 0)
  }
}
