// SPDX-License-Identifier: Apache-2.0

import Foundation
import TemplatePoseCore
import Testing

@Suite struct SimccDecoderTests {
  @Test(.enabled(if: goldenFolder() != nil, "no golden vectors; set POSEKIT_GOLDEN"))
  func goldenKeypoints() throws {
    let folder = try #require(goldenFolder())
    let errors = try checkDecoders(folder: folder, kind: "simcc") { settings, _ in try settings.simccDecoder() }
    #expect(errors.cases > 0)
    #expect(errors.px <= 0.001)
    #expect(errors.score <= 1e-6)
    #expect(errors.unrefusedNan == 0)
  }

  @Test func wrongOutputsAreRefused() {
    let decoder = SimccDecoder(outputX: "o", outputY: "o", splitRatio: 2, scoreReduction: .min)
    let size = PixelSize(width: 8, height: 8)
    var points: [PosePoint] = []
    #expect(throws: PoseError.self) {
      try decoder.decode([OutputTensor(name: "o", shape: [4])], size: size, into: &points)
    }
    #expect(throws: PoseError.tensorMissing("o")) {
      try decoder.decode([OutputTensor(name: "p", shape: [4])], size: size, into: &points)
    }
  }
}
