// SPDX-License-Identifier: Apache-2.0

// Benchmark GOLDEN_FOLDER [FRAMES]: times the warp of a 1280 x 720 BGRA frame to 192 x 256, a camera's frame to poses, and the decoders on the golden
// cases of the folder, frame by frame: CPU time of the thread as JSON in milliseconds.

import Foundation
import TinyPoseCore

struct Timing: Encodable {
  let frames: Int
  let medianMs: Double
  let p90Ms: Double
}

/// CPU time of this thread, which other programs do not lengthen as they do the clock's.
func threadSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// Median and 90th percentile of `body` over `frames` runs, after a tenth as many that do not count.
func time(_ frames: Int, _ body: (Int) throws -> Void) throws -> Timing {
  var seconds: [Double] = []
  for frame in -(frames / 10)..<frames {
    let start = threadSeconds()
    try body(frame + frames)
    if frame >= 0 { seconds.append(threadSeconds() - start) }
  }
  seconds.sort()
  return Timing(
    frames: frames, medianMs: seconds[frames / 2] * 1e3, p90Ms: seconds[frames * 9 / 10] * 1e3)
}

/// Numbers from 0 to 1 that are the same at every run.
func noise(_ count: Int) -> [Float] {
  var state: UInt32 = 20_261_121
  return (0..<count).map { _ in
    state = state &* 1_664_525 &+ 1_013_904_223
    return Float(state >> 8) / Float(1 << 24)
  }
}

func timeWarp(_ frames: Int, rotationDegrees: Double, center: Point) throws -> Timing {
  let input = TinyPoseContract.input
  let picture = noise(1280 * 720 * 4).map { UInt8($0 * 255) }
  var target = [Float](repeating: 0, count: input.valueCount)
  let processor = try PoseProcessor()
  return try picture.withUnsafeBytes { bytes in
    let view = try PixelView(bytes, width: 1280, height: 720, bytesPerRow: 1280 * 4, order: .bgra)
    return try target.withUnsafeMutableBufferPointer { buffer in
      try time(frames) { frame in
        let moved = Point(x: center.x + Double(frame % 7), y: center.y)
        let region = try Region(
          center: moved, width: 480, height: 640, rotationDegrees: rotationDegrees)
        _ = try processor.prepare(view, orientation: .upright, region: region, into: buffer)
      }
    }
  }
}

/// A camera's whole 640 x 480 frame in YUV, a quarter turn from upright, to poses; the model's outputs stay as they are.
func timeFrame(_ frames: Int) throws -> Timing {
  let stride = 640 + 64
  let luma = noise(stride * 480).map { UInt8($0 * 255) }
  let chroma = noise(stride * 240).map { UInt8($0 * 255) }
  var processor = try PoseProcessor()
  for index in processor.outputs.indices {
    processor.outputs[index].values = noise(processor.outputs[index].values.count)
  }
  var target = [Float](repeating: 0, count: TinyPoseContract.input.valueCount)
  let orientation = try Orientation(rotationDegrees: 90)
  return try luma.withUnsafeBytes { y in
    try chroma.withUnsafeBytes { both in
      let view = try PixelView(
        y: PlaneView(y, bytesPerRow: stride), u: PlaneView(both, bytesPerRow: stride, bytesPerSample: 2),
        v: PlaneView(UnsafeRawBufferPointer(rebasing: both.dropFirst()), bytesPerRow: stride, bytesPerSample: 2),
        width: 640, height: 480, colors: YuvColors())
      return try target.withUnsafeMutableBufferPointer { buffer in
        try time(frames) { _ in
          let prepared = try processor.prepare(view, orientation: orientation, region: nil, into: buffer)
          _ = try processor.finish(prepared)
        }
      }
    }
  }
}

/// Of one golden case.
struct DecoderTiming: Encodable {
  let name: String
  let medianMs: Double
  let p90Ms: Double
}

func timeDecoder(_ frames: Int, _ item: DecoderCase, _ made: any PoseDecoder) throws -> DecoderTiming {
  var decoder = made
  let outputs = try decoder.outputNames.map { name in
    guard let output = item.outputs.first(where: { $0.name == name }) else { throw BadGolden("no output \(name)") }
    return OutputTensor(name: name, shape: output.shape, values: floats(output.values))
  }
  var people = DecodedPeople()
  let found = try time(frames) { _ in
    for output in outputs { try output.check() }
    people.removeAll()
    try decoder.decode(outputs, into: &people)
  }
  return DecoderTiming(name: item.name, medianMs: found.medianMs, p90Ms: found.p90Ms)
}

struct Report: Encodable {
  var warps: [String: Timing] = [:]
  var decoders: [DecoderTiming] = []
  /// By kind, how far the people are from Python's.
  var errors: [String: DecoderErrors] = [:]
}

let frames = CommandLine.arguments.dropFirst(2).first.flatMap { Int($0) } ?? 400
let inside = Point(x: 640, y: 360)
let folder = URL(fileURLWithPath: CommandLine.arguments[1])
var report = Report()
report.warps = [
  "warp_upright": try timeWarp(frames, rotationDegrees: 0, center: inside),
  "warp_turned": try timeWarp(frames, rotationDegrees: 20, center: inside),
  "camera_frame": try timeFrame(frames),
  "warp_half_outside": try timeWarp(frames, rotationDegrees: 0, center: Point(x: 40, y: 360)),
]
for (kind, make) in decoders.sorted(by: { $0.key < $1.key })
where FileManager.default.fileExists(atPath: folder.appendingPathComponent("\(kind).json").path) {
  report.errors[kind] = try checkDecoders(folder: folder, kind: kind, make: make)
  for item in try read("\(kind).json", DecoderCase.self, folder: folder) {
    report.decoders.append(try timeDecoder(frames / 4, item, try make(try item.decoderSettings())))
  }
}
let encoder = JSONEncoder()
encoder.keyEncodingStrategy = .convertToSnakeCase
encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
print(String(decoding: try encoder.encode(report), as: UTF8.self))
