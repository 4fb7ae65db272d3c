// SPDX-License-Identifier: Apache-2.0

/// How a picture fills a view of another form; both show its middle in the middle.
public enum ViewFit: String, CaseIterable, Sendable {
  /// The view is covered, and what does not fit is cut off: `AVLayerVideoGravity.resizeAspectFill`.
  case fill
  /// The whole picture is seen: `AVLayerVideoGravity.resizeAspect`.
  case fit
}

/// How an upright picture lies in the view that shows it, for what is drawn over it.
///
/// In the view 0 is its left or top edge.
public struct ViewMapping: Equatable, Sendable {
  /// View units per picture px.
  public let scale: Double
  private let scaleX: Double
  private let picture: PixelSize
  private let viewMiddle: Point
  private let toEdge: Double  // coordinates of the picture count from its edge then

  /// - Parameters:
  ///   - picture: the upright picture: `LiveFrame.size`.
  ///   - viewWidth: points, or px; what is drawn is in the same.
  ///   - viewHeight: the same.
  ///   - mirrored: whether the view shows left and right swapped, as previews of front cameras do.
  ///   - pixelCenter: the coordinate of the centre of the picture's pixel 0.
  /// - Precondition: no size is 0 or less.
  public init(
    picture: PixelSize, viewWidth: Double, viewHeight: Double, fit: ViewFit = .fill, mirrored: Bool = false,
    pixelCenter: Double = TemplatePoseContract.input.pixelCenter
  ) {
    precondition(
      picture.width > 0 && picture.height > 0 && viewWidth > 0 && viewHeight > 0,
      "a picture of \(picture.width) x \(picture.height) px in a view of \(viewWidth) x \(viewHeight) has no size")
    let (across, down) = (viewWidth / Double(picture.width), viewHeight / Double(picture.height))
    scale = fit == .fill ? max(across, down) : min(across, down)
    scaleX = mirrored ? -scale : scale
    self.picture = picture
    viewMiddle = Point(x: viewWidth / 2, y: viewHeight / 2)
    toEdge = 0.5 - pixelCenter
  }

  /// A place of the upright picture, px, in the view.
  public func toView(_ place: Point) -> Point {
    Point(
      x: viewMiddle.x + (place.x + toEdge - Double(picture.width) / 2) * scaleX,
      y: viewMiddle.y + (place.y + toEdge - Double(picture.height) / 2) * scale)
  }

  /// A place of the view, say of a tap, in px of the upright picture.
  public func toPicture(_ place: Point) -> Point {
    Point(
      x: Double(picture.width) / 2 + (place.x - viewMiddle.x) / scaleX - toEdge,
      y: Double(picture.height) / 2 + (place.y - viewMiddle.y) / scale - toEdge)
  }
}
