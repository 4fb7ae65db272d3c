// SPDX-License-Identifier: Apache-2.0

import PhotosUI
import SwiftUI

/// The buttons, and a menu of what is switched seldom.
struct ControlsView: View {
  @ObservedObject var demo: DemoModel
  @State private var chosen: PhotosPickerItem?

  var body: some View {
    HStack(spacing: 24) {
      if demo.picture == nil {
        button("Switch camera", "arrow.triangle.2.circlepath.camera") { await demo.switchCamera() }
      } else {
        button("Back to the camera", "camera") { await demo.backToCamera() }
      }
      PhotosPicker(selection: $chosen, matching: .images) {
        Image(systemName: "photo.on.rectangle")
      }
      .accessibilityLabel("Choose a picture")
      button("Share a snapshot", "square.and.arrow.up") { await demo.shareSnapshot() }
      if demo.isBusy { ProgressView() }
      options
    }
    .font(.title2)
    .padding(12)
    .background(Color.black.opacity(0.5))
    .disabled(demo.isBusy)
    .onChange(of: chosen) { item in
      guard let item else { return }
      chosen = nil  // so that the same picture can be chosen again
      Task { await demo.look(at: item) }
    }
    .onChange(of: demo.units) { _ in
      Task { await demo.load() }
    }
    .onChange(of: demo.file) { _ in
      Task { await demo.load() }
    }
    .onChange(of: demo.settings) { settings in demo.estimator.use(settings) }
  }

  private var options: some View {
    Menu {
      Toggle("Tracking", isOn: $demo.settings.isTracking)
      Toggle("Smoothing", isOn: $demo.settings.isSmoothing)
      Picker("Runs on", selection: $demo.units) {
        ForEach(ComputeUnits.allCases) { units in Text(units.name).tag(units) }
      }
      if ModelFile.all.count > 1 {
        Picker("Model", selection: $demo.file) {
          ForEach(ModelFile.all) { file in Text(file.label).tag(file) }
        }
      }
      Button("Run the evaluation cases") {
        Task { await demo.evaluate() }
      }
    } label: {
      Image(systemName: "gearshape")
    }
    .accessibilityLabel("Options")
  }

  private func button(
    _ name: LocalizedStringKey, _ symbol: String, action: @escaping @MainActor () async -> Void
  ) -> some View {
    Button {
      Task { await action() }
    } label: {
      Image(systemName: symbol)
    }
    .accessibilityLabel(Text(name))
  }
}
