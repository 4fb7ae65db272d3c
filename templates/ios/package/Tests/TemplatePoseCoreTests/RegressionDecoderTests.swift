// SPDX-License-Identifier: Apache-2.0

import TemplatePoseCore
import Testing

@Suite struct RegressionDecoderTests {
  @Test func rowsOfAnotherLengthAreRefused() throws {
    let size = PixelSize(width: 8, height: 8)
    let decoder = try RegressionDecoder(
      settings: DecoderSettings(
        ["output": "o", "fields": ["x", "y", "score"], "range": "unit", "activation": "none"],
        inputSize: size, inputAlignment: .index, keypointCount: 2))
    var people = DecodedPeople()
    for shape in [[3, 2], [3, 4], [6, 1]] {
      #expect(throws: PoseError.self) {
        try decoder.decode([OutputTensor(name: "o", shape: shape)], into: &people)
      }
    }
    try decoder.decode([OutputTensor(name: "o", shape: [2, 3])], into: &people)
    #expect(people.count == 1)
    #expect(people.points(of: 0).count == 2)
  }
}
