// SPDX-License-Identifier: Apache-2.0

#if canImport(CoreML)
  import CoreML
  import CoreVideo
  import Dispatch
  import Foundation
  import ImageIO
  import TemplatePoseCore

  /// What was seen in the frame that was taken at `timeSeconds`.
  public struct TimedFrame: Equatable, Sendable {
    public let frame: LiveFrame
    public let timeSeconds: Double
  }

  /// Looks at the newest frame of a camera, on a queue of its own; frames that come while it is busy take each other's
  /// place.
  ///
  /// Give frames with `offer` from any thread, and go through `results` once: whoever stops doing so, as a task that is
  /// cancelled, ends it as `finish` does.
  public final class LatestFrames: @unchecked Sendable {
    /// What was seen in frame after frame: the latest only, where they are read slowly. An error ends them.
    public let results: AsyncThrowingStream<TimedFrame, any Error>
    private let tell: AsyncThrowingStream<TimedFrame, any Error>.Continuation
    private let queue = DispatchQueue(label: "posekit.TemplatePose.frames", qos: .userInitiated)
    private let live: LivePoses  // on `queue`
    private let lock = NSLock()
    private var waiting: Offered?  // guarded by `lock`, as what follows
    private var isBusy = false
    private var isFinished = false

    private struct Offered {
      let pixelBuffer: CVPixelBuffer
      let orientation: CGImagePropertyOrientation
      let timeSeconds: Double
    }

    /// - Parameter live: looks at the frames, and at nothing else meanwhile.
    public init(_ live: sending LivePoses) {
      self.live = live
      (results, tell) = AsyncThrowingStream.makeStream(bufferingPolicy: .bufferingNewest(1))
      tell.onTermination = { [weak self] _ in self?.finish() }  // else the model runs on for nobody
    }

    deinit {
      tell.finish()  // nothing comes any more, which a stream does not find out by itself
    }

    /// Leaves a frame to be looked at next; one that still waits is passed over.
    /// - Parameters:
    ///   - pixelBuffer: 420v, 420f, 32BGRA or 32RGBA, as stored. It is read on another thread: nobody may change it.
    ///   - orientation: how the buffer becomes upright.
    ///   - timeSeconds: when it was taken, by any clock.
    public func offer(
      _ pixelBuffer: CVPixelBuffer, orientation: CGImagePropertyOrientation, timeSeconds: Double
    ) {
      let frame = Offered(pixelBuffer: pixelBuffer, orientation: orientation, timeSeconds: timeSeconds)
      let starts = lock.withLock {
        guard !isFinished else { return false }
        waiting = frame
        defer { isBusy = true }
        return !isBusy
      }
      if starts { queue.async { [self] in lookAtAll() } }
    }

    /// Ends `results`; the frame that waits is passed over.
    public func finish() {
      lock.withLock {
        isFinished = true
        waiting = nil
      }
      tell.finish()
    }

    private func lookAtAll() {
      while let frame = next() {
        do {
          let seen = try autoreleasepool {  // a queue that is always busy never drains its own
            try live.look(frame.pixelBuffer, orientation: frame.orientation, timeSeconds: frame.timeSeconds)
          }
          tell.yield(TimedFrame(frame: seen, timeSeconds: frame.timeSeconds))
        } catch {
          tell.finish(throwing: error)
          finish()
        }
      }
    }

    private func next() -> Offered? {
      lock.withLock {
        defer { waiting = nil }
        isBusy = waiting != nil
        return waiting
      }
    }
  }
#endif
