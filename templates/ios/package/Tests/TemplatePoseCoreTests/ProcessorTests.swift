// SPDX-License-Identifier: Apache-2.0

import Foundation
import TemplatePoseCore
import Testing

@Suite struct ProcessorTests {
  /// A grey picture of the contract's input and what the processor makes of it.
  private func prepare(region: Region?, value: UInt8 = 128) throws -> [Float] {
    let size = TemplatePoseContract.input.size
    let picture = [UInt8](repeating: value, count: size.width * size.height * 4)
    var target = [Float](repeating: .nan, count: TemplatePoseContract.input.valueCount)
    try picture.withUnsafeBytes { bytes in
      let view = try PixelView(
        bytes, width: size.width, height: size.height, bytesPerRow: size.width * 4, order: .bgra)
      try target.withUnsafeMutableBufferPointer { buffer in
        _ = try PoseProcessor().prepare(view, orientation: .upright, region: region, into: buffer)
      }
    }
    return target
  }

  @Test func wholePictureFillsTheMiddle() throws {
    let size = TemplatePoseContract.input.size
    let input = try prepare(region: nil)
    #expect(input[(size.height / 2 * size.width + size.width / 2) * 3] == 128)
    #expect(input.allSatisfy { $0.isFinite })
  }

  @Test func farRegionsAreSampledWithoutATrap() throws {
    for distance in [-1e4, 1e9, -1e15, 1e25] {
      let far = try Region(center: Point(x: distance, y: -distance), width: 10, height: 20)
      #expect(try prepare(region: far).allSatisfy { $0.isFinite })
    }
  }

  @Test func regionsWithoutAScaleAreRefused() throws {
    let tiny = try Region(center: Point(x: 0, y: 0), width: .leastNonzeroMagnitude, height: 1)
    #expect(throws: PoseError.self) { try prepare(region: tiny) }
    let far = try Region(center: Point(x: 1e300, y: 0), width: 10, height: 20)
    #expect(throws: PoseError.self) { try prepare(region: far) }
    let huge = try Region(center: Point(x: 0, y: 0), width: 1e300, height: 1e300)
    #expect(throws: PoseError.self) { try prepare(region: huge) }
    #expect(throws: PoseError.self) {
      try Region(center: Point(x: .nan, y: 0), width: 1, height: 1)
    }
    #expect(throws: PoseError.self) { try Region(center: Point(x: 0, y: 0), width: 0, height: 1) }
  }

  @Test func nonFiniteOutputsGiveNobody() throws {
    var processor = try PoseProcessor()
    let region = try frameRegion(
      sourceSize: PixelSize(width: 640, height: 480), input: TemplatePoseContract.input)
    let prepared = PoseProcessor.Prepared(
      region: region, transform: try inputTransform(region: region, input: TemplatePoseContract.input))
    #expect(try processor.finish(prepared).allSatisfy { $0.points.count == Keypoint.allCases.count })
    processor.outputs[0].values[3] = .nan
    #expect(throws: PoseError.nonFinite(tensor: processor.outputs[0].name, index: 3)) {
      try processor.finish(prepared)
    }
  }

  @Test func unreadablePixelsAreRefused() {
    let bytes = [UInt8](repeating: 0, count: 15)
    bytes.withUnsafeBytes { buffer in
      #expect(throws: PoseError.emptyImage(width: 0, height: 1)) {
        try PixelView(buffer, width: 0, height: 1, bytesPerRow: 4, order: .bgra)
      }
      #expect(throws: PoseError.self) {
        try PixelView(buffer, width: 2, height: 2, bytesPerRow: 7, order: .bgra)
      }
      #expect(throws: PoseError.self) {
        try PixelView(buffer, width: 2, height: 2, bytesPerRow: 8, order: .bgra)
      }
      #expect(throws: PoseError.self) {
        try PixelView(buffer, width: .max, height: .max, bytesPerRow: .max, order: .bgra)
      }
    }
  }
}
