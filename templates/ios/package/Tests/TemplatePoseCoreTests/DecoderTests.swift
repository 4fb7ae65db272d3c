// SPDX-License-Identifier: Apache-2.0

import TemplatePoseCore
import Testing

@Suite struct DecoderTests {
  @Test func outputsOfOtherShapesAreRefused() throws {
    var decoder = try TemplatePoseContract.makeDecoder()
    let outputs = TemplatePoseContract.makeOutputs()
    var people = DecodedPeople()
    let names = decoder.outputNames  // the others are those of dense results
    func decode(_ outputs: [OutputTensor], _ name: String) throws {
      if names.contains(name) {
        try decoder.decode(outputs, into: &people)
      } else {
        let same = Affine(a: 1, b: 0, tx: 0, c: 0, d: 1, ty: 0)
        _ = try denseMaps(TemplatePoseContract.dense, of: outputs, toPicture: same)
      }
    }
    for (index, output) in outputs.enumerated() {
      for shape in [output.shape + [1], Array(output.shape.dropLast()), [4], []] {
        var wrong = outputs
        wrong[index] = OutputTensor(name: output.name, shape: shape)
        #expect(throws: PoseError.self) { try decode(wrong, output.name) }
      }
      var renamed = outputs
      renamed[index] = OutputTensor(name: "another", shape: output.shape)
      #expect(throws: PoseError.tensorMissing(output.name)) {
        try decode(renamed, output.name)
      }
    }
  }

  @Test func aDecoderWithoutSettingsIsRefused() {
    #expect(throws: PoseError.self) { try TemplatePoseContract.makeDecoder(settings([:])) }
  }

  private func settings(_ values: [String: DecoderSettings.Value]) -> DecoderSettings {
    DecoderSettings(
      values, inputSize: PixelSize(width: 4, height: 4), inputAlignment: .halfPixel, keypointCount: 1)
  }

  @Test func settingsOfEveryTypeAreRead() throws {
    let read = settings([
      "name": "out", "count": 2, "ratio": 1.5, "on": true, "words": ["index", "half_pixel"], "strides": [8, 16],
      "sigmas": [0.5, 1], "none": [],
    ])
    #expect(try read.text("name") == "out")
    #expect(try read.integer("count") == 2)
    #expect(try read.number("count") == 2)
    #expect(try read.number("ratio") == 1.5)
    #expect(try read.flag("on"))
    #expect(try read.choices("words") == [Alignment.index, .halfPixel])
    #expect(try read.integers("strides") == [8, 16])
    #expect(try read.numbers("sigmas") == [0.5, 1])
    #expect(try read.integers("none").isEmpty)
    #expect(read.has("none") && !read.has("part.none"))
  }

  @Test func wrongSettingsAreToldWithWhatWasExpected() {
    let read = settings(["name": "out", "ratio": 2.5, "words": ["x", 3]])
    #expect(throws: PoseError.wrongSetting(name: "kernel", expected: "an integer", found: nil)) {
      try read.integer("kernel")
    }
    #expect(throws: PoseError.wrongSetting(name: "ratio", expected: "an integer", found: "2.5")) {
      try read.integer("ratio")
    }
    #expect(throws: PoseError.wrongSetting(name: "name", expected: "a number", found: "\"out\"")) {
      try read.number("name")
    }
    #expect(throws: PoseError.wrongSetting(name: "name", expected: "true or false", found: "\"out\"")) {
      try read.flag("name")
    }
    #expect(throws: PoseError.wrongSetting(name: "ratio", expected: "a text", found: "2.5")) {
      try read.text("ratio")
    }
    #expect(throws: PoseError.wrongSetting(name: "words", expected: "a list of texts", found: "[\"x\", 3]")) {
      try read.texts("words")
    }
    #expect(throws: PoseError.wrongSetting(name: "words", expected: "a list of integers", found: "[\"x\", 3]")) {
      try read.integers("words")
    }
    #expect(throws: PoseError.wrongSetting(name: "strides", expected: "a list of numbers", found: nil)) {
      try read.numbers("strides")
    }
    let words = "one of half_pixel, index, corners"
    #expect(throws: PoseError.wrongSetting(name: "name", expected: words, found: "\"out\"")) {
      try read.choice("name") as Alignment
    }
  }
}
