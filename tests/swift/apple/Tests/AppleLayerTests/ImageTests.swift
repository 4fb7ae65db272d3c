// SPDX-License-Identifier: Apache-2.0

import CoreGraphics
import CoreML
import ImageIO
import Testing
import TinyPose
import TinyPoseCore

extension AppleLayerTests {
  private var image: CGImage {
    let rows = (0..<Scene.height).flatMap { row in
      Scene.picture[row * Scene.bytesPerRow..<row * Scene.bytesPerRow + Scene.width * 4]
    }
    return CGImage(standIn: rows, width: Scene.width, height: Scene.height)
  }

  /// Inside and turned, across edges, far outside, and around all of it: center, width and height, degrees.
  private static let places: [(CGImagePropertyOrientation, [Double])] = [
    (.up, [30.3, 40.7, 20, 24, 33]), (.right, [2, 3, 30, 40, 0]), (.leftMirrored, [68, 88, 30, 40, 190]),
    (.down, [500, -300, 20, 24, 0]), (.up, [45, 35, 400, 300, 0]),
  ]

  @Test(arguments: places)
  func onlyWhatIsNeededOfAnImageIsDrawn(orientation: CGImagePropertyOrientation, place: [Double]) async throws {
    Scene.install()
    let estimator = try await TinyPose(warmsUp: false)
    var seen: [Float] = []
    let predict = MLModel.standIn.predict
    MLModel.standIn.predict = { input in
      let array = try #require(input.featureValue(for: "image")?.multiArrayValue)
      seen = array.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
      return try predict(input)
    }
    let region = try Region(
      center: Point(x: place[0], y: place[1]), width: place[2], height: place[3], rotationDegrees: place[4])
    _ = try estimator.estimate(image, orientation: orientation, region: region)
    let upright = try Orientation(exifValue: Int(orientation.rawValue))
    let isSame = try seen == Scene.expected(orientation: upright, region: region).input
    #expect(isSame)
    let drawn = CGContext.standInDrawn
    #expect(place[2] > 100 || drawn.width * drawn.height < Scene.width * Scene.height)
  }
}
