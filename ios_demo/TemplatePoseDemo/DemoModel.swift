// SPDX-License-Identifier: Apache-2.0

import SwiftUI
import TemplatePose

/// Why something did not work, in one sentence.
struct DemoError: LocalizedError {
  let errorDescription: String?

  init(_ message: String) {
    errorDescription = message
  }
}

/// What the overlay draws; apart from all else, since it changes with every frame.
@MainActor
final class LatestFrame: ObservableObject {
  @Published var shown: ShownFrame?
}

/// Whether there is a camera's picture.
enum CameraState {
  case starting
  case running(RunningCamera)
  case forbidden
  case failed(String)
}

/// What the screen shows, and what its buttons do.
@MainActor
final class DemoModel: ObservableObject {
  @Published var camera = CameraState.starting
  @Published var isFront = false
  @Published var units = ComputeUnits.neuralEngine
  @Published var file = ModelFile.all[0]
  @Published var settings = LiveSettings()
  @Published var modelText = "loading the model"
  @Published var statistics = FrameStatistics()
  @Published var message: String?
  @Published var picture: DrawnPicture?
  @Published var shared: SharedFile?
  @Published var isBusy = false  // with an evaluation, or a picture

  let latest = LatestFrame()
  let feed: CameraFeed
  let estimator = FrameEstimator()
  private var model: TemplatePose?
  private var collected = FrameStatistics()
  private var lastTold = 0.0

  init() {
    feed = CameraFeed(delegate: estimator, on: estimator.queue)
  }

  /// Loads the model for the chosen units, in place of the one that ran.
  func load() async {
    let (file, units) = (file, units)
    modelText = "loading the model"
    letGo()
    do {
      let loaded =
        if let url = file.url {
          try await TemplatePose(modelURL: url, computeUnits: units.value)
        } else {
          try await TemplatePose(computeUnits: units.value)
        }
      // another choice was made in the meantime
      guard file == self.file, units == self.units, model == nil else { return loaded.close() }
      model = loaded
      estimator.use(loaded)
      let plan = await units.plan(of: file)
      if model === loaded { modelText = plan }
    } catch  where file == self.file && units == self.units {
      modelText = error.localizedDescription
    } catch {
      // of a choice that was made anew in the meantime
    }
  }

  /// Frees the model; what was measured with it counts no longer.
  func letGo() {
    estimator.use(nil as TemplatePose?)
    if let model { Task.detached { model.close() } }  // which waits for the frame that is being looked at
    model = nil
    collected = FrameStatistics()
    statistics = collected
  }

  /// Shows what comes of the frames, for as long as the screen is there.
  func follow() async {
    for await seen in estimator.seen {
      switch seen {
      case .frame(let shown, let time):
        message = nil
        latest.shown = shown
        count(shown, at: time)
      case .failure(let reason):
        message = reason
        latest.shown = nil
      }
    }
  }

  /// The numbers are told twice a second: they are to be read.
  private func count(_ shown: ShownFrame, at time: Double) {
    let times = shown.frame.times
    collected.add(stepsMs: (times.preprocessingMs, times.inferenceMs, times.decodingMs), timeSeconds: time)
    guard abs(time - lastTold) >= 0.5 else { return }
    lastTold = time
    statistics = collected
  }
}
