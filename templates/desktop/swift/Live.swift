// SPDX-License-Identifier: Apache-2.0

import Foundation
import TemplatePoseCore

/// A frame, as whoever asks describes it.
private struct AskedFrame: Decodable {
  struct Plane: Decodable {
    let offset: Int
    let rowStride: Int
    let pixelStride: Int
  }

  struct View: Decodable {
    let sizeWh: [Double]
    let fit: String
    let mirrored: Bool
  }

  let form: String
  let sizeWh: [Int]
  let planes: [Plane]
  let matrix: String
  let range: String
  let rotationDegrees: Int
  let mirrored: Bool
  let timeSeconds: Double
  let tracking: Bool
  let smoothing: Bool
  let view: View
}

/// What is said of a person.
private struct SeenPerson: Encodable {
  let id: Int
  let keypoints: [[Double]]
  let scores: [Double]
  let confidence: Double
  let boxXyxy: [Double]?
  let visibility: [Double]?
  let presence: [Double]?
  let world: [[Double]]?
  let inView: [[Double]]

  init(_ person: LivePerson, view: ViewMapping) {
    let pose = person.pose
    id = person.id
    keypoints = pose.points.map { point in [point.x, point.y] + (point.z.map { [$0] } ?? []) }
    scores = pose.points.map(\.score)
    confidence = pose.confidence
    boxXyxy = pose.box.map { [$0.left, $0.top, $0.right, $0.bottom] }
    visibility = SeenPerson.all(pose.points.map(\.visibility))
    presence = SeenPerson.all(pose.points.map(\.presence))
    world = pose.world?.map { [$0.x, $0.y, $0.z] }
    inView = pose.points.map { point in
      let place = view.toView(Point(x: point.x, y: point.y))
      return [place.x, place.y]
    }
  }

  /// The numbers, where every keypoint has one.
  private static func all(_ values: [Double?]) -> [Double]? {
    let there = values.compactMap { $0 }
    return there.count == values.count ? there : nil
  }
}

private struct SeenFrame: Encodable {
  struct Dense: Encodable {
    let name: String
    let sizeWh: [Int]
    let matrix: [Double]
  }

  let people: [SeenPerson]
  let dense: [Dense]
  let timesMs: [String: Double]
}

/// Looks at frames as an app does, but for the networks, which whoever asks runs.
///
/// A message about a frame and its bytes come in; what goes out is a run of a network that is asked for, and then what
/// is seen, and the values of each dense result.
final class LiveRun {
  private let messages = Messages()
  private let pose: Session
  private let people: PeopleSession?
  private var tracking = LiveTracking()
  private var form: FrameForm?  // of the last frame that was followed
  private var lastSeconds = 0.0

  init() throws {
    pose = try Session("pose", stage: TemplatePoseContract.pose, messages: messages)
    if let first = TemplatePoseContract.detector, let rule = TemplatePoseContract.following {
      let detector = try Session("detector", stage: first, messages: messages)
      people = PeopleSession(detector: detector, pose: pose, rule: rule)
    } else {
      people = nil
    }
  }

  /// Until no frame comes any more.
  func run() throws {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    while let message = try messages.read(), let bytes = try messages.read() {
      let asked = try decoder.decode(AskedFrame.self, from: message)
      do {
        let frame = try look(asked, bytes)
        let view = ViewMapping(
          picture: frame.size, viewWidth: asked.view.sizeWh[0], viewHeight: asked.view.sizeWh[1],
          fit: ViewFit(rawValue: asked.view.fit) ?? .fill, mirrored: asked.view.mirrored)
        try messages.write(encoder.encode(seen(frame, view)))
        for map in frame.dense { try messages.write(map.values.withUnsafeBufferPointer(floatBytes)) }
      } catch let error as PoseError {
        try messages.write(encoder.encode(["error": error.localizedDescription]))
      }
    }
  }

  private func seen(_ frame: LiveFrame, _ view: ViewMapping) -> SeenFrame {
    let dense = frame.dense.map { map in
      let there = map.toPicture
      return SeenFrame.Dense(
        name: map.name, sizeWh: [map.size.width, map.size.height],
        matrix: [there.a, there.b, there.tx, there.c, there.d, there.ty])
    }
    let times = frame.times
    return SeenFrame(
      people: frame.people.map { SeenPerson($0, view: view) }, dense: dense,
      timesMs: [
        "preprocessing": times.preprocessingMs, "inference": times.inferenceMs, "decoding": times.decodingMs,
      ])
  }

  private func look(_ asked: AskedFrame, _ bytes: Data) throws -> LiveFrame {
    let orientation = try Orientation(rotationDegrees: asked.rotationDegrees, mirrored: asked.mirrored)
    let before = (people?.spent ?? pose.spent)
    let size = PixelSize(width: asked.sizeWh[0], height: asked.sizeWh[1])
    let now = asked.tracking ? FrameForm(size: size, orientation: orientation) : nil
    if form != nil, now != form || asked.timeSeconds < lastSeconds {  // as LivePoses does
      tracking.reset()
      people?.forget()
    }
    (form, lastSeconds) = (now, asked.timeSeconds)
    return try bytes.withUnsafeBytes { memory -> LiveFrame in
      let pixels = try view(asked, memory)
      var (poses, dense) = ([Pose](), [DenseMap]())
      if let people {
        poses =
          try asked.tracking
          ? people.follow(pixels, orientation: orientation) : people.estimate(pixels, orientation: orientation)
      } else {
        let region = asked.tracking ? tracking.region : nil
        let prepared = try pose.prepare(pixels, orientation: orientation, region: region)
        poses = try pose.run(prepared)
        dense = try pose.dense(prepared)
      }
      let shown =
        asked.tracking
        ? tracking.update(poses, timeSeconds: asked.timeSeconds, isSmoothing: asked.smoothing)
        : poses.enumerated().map { LivePerson(id: $0 + 1, pose: $1) }
      return LiveFrame(
        people: shown, dense: dense, times: (people?.spent ?? pose.spent) - before,
        size: uprightSize(storedSize: pixels.size, orientation: orientation))
    }
  }

  private func view(_ asked: AskedFrame, _ memory: UnsafeRawBufferPointer) throws -> PixelView {
    let (width, height) = (asked.sizeWh[0], asked.sizeWh[1])
    let planes = asked.planes.map { plane in
      PlaneView(
        UnsafeRawBufferPointer(rebasing: memory[plane.offset...]), bytesPerRow: plane.rowStride,
        bytesPerSample: plane.pixelStride)
    }
    guard asked.form == "yuv420" else {
      return try PixelView(memory, width: width, height: height, bytesPerRow: asked.planes[0].rowStride, order: .rgba)
    }
    let colors = YuvColors(
      matrix: YuvColors.Matrix(rawValue: asked.matrix) ?? .bt601, range: YuvColors.Range(rawValue: asked.range) ?? .full
    )
    return try PixelView(y: planes[0], u: planes[1], v: planes[2], width: width, height: height, colors: colors)
  }
}
