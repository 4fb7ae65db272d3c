// SPDX-License-Identifier: Apache-2.0

import Foundation
import TemplatePoseCore
import Testing

@Suite struct RegressionDecoderTests {
  @Test(.enabled(if: goldenFolder() != nil, "no golden vectors; set POSEKIT_GOLDEN"))
  func goldenKeypoints() throws {
    let folder = try #require(goldenFolder())
    let errors = try checkDecoders(folder: folder, kind: "regression") { try $0.regressionDecoder($1) }
    #expect(errors.cases > 0)
    #expect(errors.px <= 0.001)
    #expect(errors.score <= 1e-6)
    #expect(errors.unrefusedNan == 0)
  }

  @Test func wrongOutputsAreRefused() {
    let decoder = RegressionDecoder(output: "o", fields: [.x, .y, .score], range: .unit, alignment: .index)
    let size = PixelSize(width: 8, height: 8)
    var points: [PosePoint] = []
    for shape in [[4], [6], [3, 2], [1, 2, 3]] {
      #expect(throws: PoseError.self) {
        try decoder.decode([OutputTensor(name: "o", shape: shape)], size: size, into: &points)
      }
    }
    try? decoder.decode([OutputTensor(name: "o", shape: [2, 3])], size: size, into: &points)
    #expect(points.count == 2)
    #expect(throws: PoseError.tensorMissing("o")) {
      try decoder.decode([OutputTensor(name: "p", shape: [4])], size: size, into: &points)
    }
  }
}
