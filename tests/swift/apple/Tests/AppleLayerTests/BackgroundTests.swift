// SPDX-License-Identifier: Apache-2.0

import CoreML
import CoreVideo
import Dispatch
import Foundation
import Testing
import TinyPose

extension AppleLayerTests {
  private static func frame() -> CVPixelBuffer {
    CVPixelBuffer(
      standIn: Scene.picture, format: kCVPixelFormatType_32BGRA, width: Scene.width, height: Scene.height,
      bytesPerRow: Scene.bytesPerRow)
  }

  @Test func tasksThatWaitForTheModelTakeNoThreadOfThePool() async throws {
    Scene.install()
    let estimator = try await TinyPose()
    let goOn = DispatchSemaphore(value: 0)
    var isLate = false
    let predict = MLModel.standIn.predict
    MLModel.standIn.predict = { input in
      if goOn.wait(timeout: .now() + 3) == .timedOut { isLate = true }
      return try predict(input)
    }
    let count = 2 * ProcessInfo.processInfo.activeProcessorCount
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<count { group.addTask { _ = try await estimator.estimateInBackground(Self.frame()) } }
      group.addTask { for _ in 0..<count { goOn.signal() } }
      try await group.waitForAll()
    }
    #expect(!isLate)
    estimator.close()
    await #expect(throws: PoseError.closed) { try await estimator.estimateInBackground(Self.frame()) }
  }

  @Test func framesThatComeWhileTheModelIsBusyArePassedOver() async throws {
    Scene.install()
    let latest = LatestFrames(LivePoses(try await TinyPose()))
    let (isBusy, goOn) = (DispatchSemaphore(value: 0), DispatchSemaphore(value: 0))
    let predict = MLModel.standIn.predict
    MLModel.standIn.predict = { input in
      isBusy.signal()
      goOn.wait()
      return try predict(input)
    }
    latest.offer(Self.frame(), orientation: .up, timeSeconds: 1)
    await withCheckedContinuation { continuation in
      DispatchQueue.global().async {
        isBusy.wait()
        continuation.resume()
      }
    }
    for time in [2, 3, 4] { latest.offer(Self.frame(), orientation: .up, timeSeconds: Double(time)) }
    goOn.signal()
    var seen: [Double] = []
    for try await result in latest.results {
      seen.append(result.timeSeconds)
      if seen.count == 2 { latest.finish() } else { goOn.signal() }
    }
    #expect(seen == [1, 4])
    latest.offer(Self.frame(), orientation: .up, timeSeconds: 5)  // nothing comes of it
  }

  @Test func whoStopsReadingEndsIt() async throws {
    Scene.install()
    let latest = LatestFrames(LivePoses(try await TinyPose(warmsUp: false)))
    let runs = Counted()
    let predict = MLModel.standIn.predict
    MLModel.standIn.predict = { input in
      runs.add()
      return try predict(input)
    }
    let reader = Task { for try await _ in latest.results {} }
    latest.offer(Self.frame(), orientation: .up, timeSeconds: 1)
    while runs.count == 0 { try await Task.sleep(nanoseconds: 1_000_000) }
    reader.cancel()
    _ = await reader.result
    let before = runs.count
    for time in [2, 3] { latest.offer(Self.frame(), orientation: .up, timeSeconds: Double(time)) }
    try await Task.sleep(nanoseconds: 400_000_000)
    #expect(runs.count == before)
  }

  @Test(.timeLimit(.minutes(1))) func resultsEndWithWhatGivesThem() async throws {
    Scene.install()
    var latest: LatestFrames? = LatestFrames(LivePoses(try await TinyPose()))
    let results = try #require(latest).results
    latest = nil
    for try await _ in results {}
  }

  @Test func anErrorEndsTheResults() async throws {
    Scene.install { _ in throw CocoaError(.featureUnsupported) }
    let latest = LatestFrames(LivePoses(try await TinyPose(warmsUp: false)))
    latest.offer(Self.frame(), orientation: .up, timeSeconds: 1)
    await #expect(throws: PoseError.self) { for try await _ in latest.results {} }
  }
}

private final class Counted: @unchecked Sendable {
  private let lock = NSLock()
  private var runs = 0

  var count: Int { lock.withLock { runs } }

  func add() { lock.withLock { runs += 1 } }
}
