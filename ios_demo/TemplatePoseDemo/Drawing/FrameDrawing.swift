// SPDX-License-Identifier: Apache-2.0

import UIKit
import TemplatePose
import TemplatePoseCore

/// Draws dense results, then everybody's skeleton, box and id; for a live preview and for a picture alike.
/// - Parameters:
///   - mapping: from the upright picture to where it is drawn.
///   - lineWidth: of a bone, in the same units as the mapping's view.
///   - context: UIKit's current one.
func drawFrame(_ shown: ShownFrame, through mapping: ViewMapping, lineWidth: Double, in context: CGContext) {
  for tint in shown.tints { draw(tint, through: mapping, in: context) }
  for person in shown.frame.people {
    let color = personColor(person.id)
    drawBones(of: person.pose, color: color, through: mapping, lineWidth: lineWidth, in: context)
    drawBox(of: person.pose, color: color, through: mapping, lineWidth: lineWidth / 2, in: context)
    drawName("\(person.id)", of: person.pose, color: color, through: mapping, size: 5 * lineWidth)
  }
}

private func drawBones(
  of pose: Pose, color: UIColor, through mapping: ViewMapping, lineWidth: Double, in context: CGContext
) {
  let depths = DepthRange(pose)
  func paint(_ points: PosePoint...) -> UIColor { depths?.color(of: points) ?? color }
  context.setLineCap(.round)
  context.setLineWidth(lineWidth)
  for (first, second) in Keypoint.edges {
    let (one, other) = (pose[first], pose[second])
    guard isSure(one), isSure(other) else { continue }
    context.setStrokeColor(paint(one, other).cgColor)
    context.move(to: place(one, mapping))
    context.addLine(to: place(other, mapping))
    context.strokePath()
  }
  for (_, point) in pose where isSure(point) {
    let center = place(point, mapping)
    context.setFillColor(paint(point).cgColor)
    context.fillEllipse(
      in: CGRect(x: center.x - lineWidth, y: center.y - lineWidth, width: 2 * lineWidth, height: 2 * lineWidth))
  }
}

private func drawBox(
  of pose: Pose, color: UIColor, through mapping: ViewMapping, lineWidth: Double, in context: CGContext
) {
  guard let box = pose.box else { return }
  let one = mapping.toView(TemplatePoseCore.Point(x: box.left, y: box.top))
  let other = mapping.toView(TemplatePoseCore.Point(x: box.right, y: box.bottom))
  context.setStrokeColor(color.cgColor)
  context.setLineWidth(lineWidth)
  context.stroke(
    CGRect(x: min(one.x, other.x), y: min(one.y, other.y), width: abs(other.x - one.x), height: abs(other.y - one.y)))
}

/// Writes the id over the highest point that is sure.
private func drawName(_ name: String, of pose: Pose, color: UIColor, through mapping: ViewMapping, size: Double) {
  guard let top = pose.points.filter(isSure).min(by: { $0.y < $1.y }) else { return }
  let center = place(top, mapping)
  let text = NSAttributedString(
    string: name, attributes: [.font: UIFont.boldSystemFont(ofSize: size), .foregroundColor: color])
  text.draw(at: CGPoint(x: center.x - text.size().width / 2, y: center.y - 2 * size))
}

/// Whether a point counts: by the contract's own number.
func isSure(_ point: PosePoint) -> Bool { point.score >= TemplatePoseContract.trackerMinScore }

private func place(_ point: PosePoint, _ mapping: ViewMapping) -> CGPoint {
  let place = mapping.toView(TemplatePoseCore.Point(x: point.x, y: point.y))
  return CGPoint(x: place.x, y: place.y)
}
