// SPDX-License-Identifier: Apache-2.0

import Foundation
import TemplatePoseCore
import Testing

@Suite(.enabled(if: goldenFolder() != nil, "no golden vectors; set POSEKIT_GOLDEN"))
struct GoldenTests {
  @Test func warpedPixels() throws {
    let errors = try checkWarp(folder: try #require(goldenFolder()))
    #expect(errors.cases > 0)
    #expect(errors.grey <= 0.01)
    #expect(errors.matrix <= 1e-9)
    #expect(errors.region <= 1e-9)
    #expect(errors.points <= 1e-6)
    #expect(errors.contentMismatches == 0)
  }

  @Test func coloursOfFrames() throws {
    let errors = try checkYuv(folder: try #require(goldenFolder()))
    #expect(errors.cases > 0)
    #expect(errors.grey == 0)
  }

  @Test func decodedKeypoints() throws {
    let errors = try checkDecoders(
      folder: try #require(goldenFolder()), kind: TemplatePoseContract.decoderKind
    ) { try TemplatePoseContract.makeDecoder($0) }
    #expect(errors.cases > 0)
    #expect(errors.count == 0)
    #expect(errors.px <= 0.001)
    #expect(errors.box <= 0.001)
    #expect(errors.score <= 1e-6)
    #expect(errors.unrefusedNan == 0)
  }

  @Test func followedPeople() throws {
    let errors = try checkFollowing(folder: try #require(goldenFolder()))
    #expect(errors.cases > 0)
    #expect(errors.others == 0)
    #expect(errors.region <= 1e-6)
  }

  @Test func denseResults() throws {
    let errors = try checkDense(folder: try #require(goldenFolder()))
    #expect(errors.cases > 0)
    #expect(errors.count == 0)
    #expect(errors.numbers == 0)
    #expect(errors.values <= 1e-5)
    #expect(errors.uv <= 1e-5)
    #expect(errors.matrix <= 1e-6)
    #expect(errors.atPoints <= 1e-5)
  }

  @Test func trackedRegionsAndSmoothedPoints() throws {
    let errors = try checkTracking(folder: try #require(goldenFolder()))
    #expect(errors.cases > 0)
    #expect(errors.region <= 1e-6)
    #expect(errors.smoothed <= 1e-6)
  }

  @Test func trackedAndSmoothedPeople() throws {
    let errors = try checkPeople(folder: try #require(goldenFolder()))
    #expect(errors.cases > 0)
    #expect(errors.ids == 0)
    #expect(errors.smoothed <= 1e-6)
  }
}
