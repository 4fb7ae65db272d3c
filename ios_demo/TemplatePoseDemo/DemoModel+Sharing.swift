// SPDX-License-Identifier: Apache-2.0

import PhotosUI
import SwiftUI

extension DemoModel {
  /// Looks at a picture of the library; the picker hands over that picture alone.
  func look(at item: PhotosPickerItem) async {
    await busily { [self] in
      guard let data = try await item.loadTransferable(type: Data.self) else {
        throw DemoError("The picture cannot be read.")
      }
      picture = await DrawnPicture(try await estimator.look(at: try await StoredPicture.read(data)))
      stopCamera()
    }
  }

  /// Shares what is on the screen: the picture, and what the model saw in it.
  func shareSnapshot() async {
    await busily { [self] in
      if let picture {
        shared = SharedFile(url: try await picture.write())
      } else if let seen = await estimator.lastPicture() {
        shared = SharedFile(url: try await DrawnPicture(seen).write())
      } else {
        throw DemoError("There is no picture yet.")
      }
    }
  }

  /// Runs the bundle's evaluation cases on this device, and shares the run.
  func evaluate() async {
    await busily { [self] in
      stopCamera()
      letGo()  // the cases are run by models of their own
      defer { Task { await resume() } }
      shared = SharedFile(url: try await runEvaluation { text in Task { @MainActor in self.modelText = text } })
    }
  }

  private func resume() async {
    await load()
    if picture == nil { await startCamera() }
  }

  private func busily(_ work: @MainActor () async throws -> Void) async {
    guard !isBusy else { return }
    isBusy = true
    defer { isBusy = false }
    do {
      message = nil
      try await work()
    } catch {
      message = error.localizedDescription
    }
  }
}
