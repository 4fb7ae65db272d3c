// SPDX-License-Identifier: Apache-2.0

@preconcurrency import AVFoundation
import Foundation

/// Why there is no camera, in one sentence.
struct CameraError: LocalizedError {
  let errorDescription: String?

  init(_ message: String) {
    errorDescription = message
  }
}

/// The camera that runs; AVFoundation allows its devices to be passed between threads.
struct RunningCamera: Identifiable, @unchecked Sendable {
  let id = UUID()  // of this start, after which the preview is set up again
  let device: AVCaptureDevice
  let isFront: Bool
}

/// The capture session; everything that takes long is done on a queue of its own, never on the main thread.
final class CameraFeed: @unchecked Sendable {
  /// For the preview layer.
  let session = AVCaptureSession()
  private let output = AVCaptureVideoDataOutput()
  private let queue = DispatchQueue(label: "posekit.demo.camera")
  private var input: AVCaptureDeviceInput?  // on `queue`, as what follows
  private var isWanted = false
  private var failure: (any NSObjectProtocol)?

  /// - Parameter queue: on which the delegate is given frames; those that come while it is busy are dropped.
  init(delegate: any AVCaptureVideoDataOutputSampleBufferDelegate, on queue: DispatchQueue) {
    output.alwaysDiscardsLateVideoFrames = true
    output.setSampleBufferDelegate(delegate, queue: queue)
    failure = NotificationCenter.default.addObserver(
      forName: AVCaptureSession.runtimeErrorNotification, object: session, queue: nil
    ) { [weak self] _ in self?.restart() }
  }

  deinit {
    if let failure { NotificationCenter.default.removeObserver(failure) }
  }

  /// Whether the person allows the camera; asks where that was not asked before.
  static func isAllowed() async -> Bool {
    switch AVCaptureDevice.authorizationStatus(for: .video) {
    case .authorized: true
    case .notDetermined: await AVCaptureDevice.requestAccess(for: .video)
    default: false
    }
  }

  /// Runs the front or the back camera, in place of the one that runs.
  func start(isFront: Bool) async throws -> RunningCamera {
    try await withCheckedThrowingContinuation { continuation in
      queue.async { [self] in
        continuation.resume(
          with: Result {
            let device = try use(isFront ? .front : .back)
            isWanted = true
            if !session.isRunning { session.startRunning() }
            return RunningCamera(device: device, isFront: isFront)
          })
      }
    }
  }

  func stop() {
    queue.async { [self] in
      isWanted = false
      session.stopRunning()
    }
  }

  /// The system's media services can end and begin anew, and stop the session as they do.
  private func restart() {
    queue.async { [self] in
      if isWanted, !session.isRunning { session.startRunning() }
    }
  }

  private func use(_ position: AVCaptureDevice.Position) throws -> AVCaptureDevice {
    if let device = input?.device, device.position == position { return device }
    guard let device = AVCaptureDevice.default(.builtInWideAngleCamera, for: .video, position: position) else {
      throw CameraError("This device has no such camera.")
    }
    let next = try AVCaptureDeviceInput(device: device)
    session.beginConfiguration()
    defer { session.commitConfiguration() }
    if let input { session.removeInput(input) }
    input = nil
    if session.canSetSessionPreset(.hd1280x720) { session.sessionPreset = .hd1280x720 }
    guard session.canAddInput(next) else { throw CameraError("The camera is used by something else.") }
    session.addInput(next)
    input = next
    try addOutput()
    return device
  }

  private func addOutput() throws {
    if !session.outputs.contains(output) {
      guard session.canAddOutput(output) else { throw CameraError("The camera gives no frames.") }
      session.addOutput(output)
    }
    // frames stay as the sensor gives them: the model's input is turned as it is sampled
    if let connection = output.connection(with: .video), connection.isVideoMirroringSupported {
      connection.automaticallyAdjustsVideoMirroring = false
      connection.isVideoMirrored = false
    }
  }
}
