// SPDX-License-Identifier: Apache-2.0

@preconcurrency import AVFoundation
import CoreImage
import ImageIO
import TemplatePose
import TemplatePoseCore

/// What the model saw in a picture, as it is to be drawn.
struct ShownFrame: Sendable {
  let frame: LiveFrame
  /// Whether the picture is shown mirrored, as a front camera's preview is.
  let isMirrored: Bool
  let tints: [DenseTint]

  init(_ frame: LiveFrame, isMirrored: Bool) {
    self.frame = frame
    self.isMirrored = isMirrored
    tints = frame.dense.compactMap { DenseTint($0) }
  }
}

/// A picture as stored, how it becomes upright, and what the model saw in it; a `CGImage` never changes.
struct SeenPicture: @unchecked Sendable {
  let image: CGImage
  let orientation: CGImagePropertyOrientation
  let shown: ShownFrame
}

/// What comes of a camera's frame.
enum Seen: Sendable {
  case frame(ShownFrame, timeSeconds: Double)
  case failure(String)
}

/// Looks at a camera's frames, one after another on `queue`, to which everything else in it belongs too.
final class FrameEstimator: NSObject, AVCaptureVideoDataOutputSampleBufferDelegate, @unchecked Sendable {
  let queue = DispatchQueue(label: "posekit.demo.frames", qos: .userInteractive)
  /// The latest of what came of the frames; whoever reads it slowly misses some.
  let seen: AsyncStream<Seen>
  private let tell: AsyncStream<Seen>.Continuation
  private let pictures = CIContext()
  private var live: LivePoses?
  private var settings = LiveSettings()
  private var rotation: FrameRotation?
  private var isFront = false
  private var last: (buffer: CVPixelBuffer, orientation: CGImagePropertyOrientation, shown: ShownFrame)?

  override init() {
    (seen, tell) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    super.init()
  }

  /// Looks with this model from now on, or not at all.
  func use(_ model: TemplatePose?) {
    queue.async { [self] in
      live = model.map { LivePoses($0) }
      live?.apply(settings)
    }
  }

  func use(_ settings: LiveSettings) {
    queue.async { [self] in
      self.settings = settings
      live?.apply(settings)
    }
  }

  /// How frames become what the preview shows; none is looked at before that is known.
  func use(_ rotation: FrameRotation?, isFront: Bool) {
    queue.async { [self] in
      if isFront != self.isFront || rotation == nil { live?.reset() }  // nobody is where they were
      self.rotation = rotation
      self.isFront = isFront
      last = nil
    }
  }

  func captureOutput(
    _ output: AVCaptureOutput, didOutput sampleBuffer: CMSampleBuffer, from connection: AVCaptureConnection
  ) {
    guard let live, let rotation, let buffer = CMSampleBufferGetImageBuffer(sampleBuffer) else { return }
    let time = CMSampleBufferGetPresentationTimeStamp(sampleBuffer).seconds
    do {
      let frame = try live.look(buffer, orientation: rotation.orientation, timeSeconds: time)
      let shown = ShownFrame(frame, isMirrored: isFront)
      last = (buffer, rotation.orientation, shown)
      tell.yield(.frame(shown, timeSeconds: time))
    } catch {
      tell.yield(.failure(error.localizedDescription))
    }
  }

  /// Looks at a picture of its own.
  func look(at picture: StoredPicture) async throws -> SeenPicture {
    try await withCheckedThrowingContinuation { continuation in
      queue.async { [self] in
        continuation.resume(
          with: Result {
            guard let live else { throw DemoError("The model is not loaded yet.") }
            let frame = try live.lookAt(picture.image, orientation: picture.orientation)
            return SeenPicture(
              image: picture.image, orientation: picture.orientation, shown: ShownFrame(frame, isMirrored: false))
          })
      }
    }
  }

  /// The frame that was looked at last; nil where there is none.
  func lastPicture() async -> SeenPicture? {
    await withCheckedContinuation { continuation in
      queue.async { [self] in
        guard let last else { return continuation.resume(returning: nil) }
        let stored = CIImage(cvPixelBuffer: last.buffer)
        let image = pictures.createCGImage(stored, from: stored.extent)
        continuation.resume(
          returning: image.map { SeenPicture(image: $0, orientation: last.orientation, shown: last.shown) })
      }
    }
  }
}

/// What the person can switch while frames come.
struct LiveSettings: Equatable, Sendable {
  var isTracking = true
  var isSmoothing = true
}

extension LivePoses {
  fileprivate func apply(_ settings: LiveSettings) {
    isTracking = settings.isTracking
    isSmoothing = settings.isSmoothing
  }
}
