// SPDX-License-Identifier: Apache-2.0

import UIKit
import TemplatePose
import TemplatePoseCore

/// Draws what the model sees over a preview that fills the same bounds.
final class OverlayView: UIView {
  var shown: ShownFrame? {
    didSet { setNeedsDisplay() }
  }

  override init(frame: CGRect) {
    super.init(frame: frame)
    isOpaque = false
    isUserInteractionEnabled = false
    contentMode = .redraw
  }

  required init?(coder: NSCoder) {
    fatalError("made in code alone")
  }

  override func draw(_ rect: CGRect) {
    guard let shown, let context = UIGraphicsGetCurrentContext() else { return }
    let mapping = ViewMapping(
      picture: shown.frame.size, viewWidth: Double(bounds.width), viewHeight: Double(bounds.height), fit: .fill,
      mirrored: shown.isMirrored)
    drawFrame(shown, through: mapping, lineWidth: 4, in: context)
  }
}
