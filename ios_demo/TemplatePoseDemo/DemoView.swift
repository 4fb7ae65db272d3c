// SPDX-License-Identifier: Apache-2.0

import PhotosUI
import SwiftUI
import UIKit

/// The one screen: a camera's picture or one of the library, what the model sees in it, figures and buttons.
struct DemoView: View {
  @StateObject private var demo = DemoModel()
  @Environment(\.scenePhase) private var phase

  var body: some View {
    ZStack {
      Color.black.ignoresSafeArea()
      scene.ignoresSafeArea()
      VStack {
        FiguresView(demo: demo)
        Spacer()
        ControlsView(demo: demo)
      }
      .padding()
    }
    .task { await demo.load() }
    .task { await demo.follow() }
    .task { await demo.startCamera() }
    .onChange(of: phase) { phase in
      switch phase {
      case .active where demo.picture == nil && !demo.isBusy: Task { await demo.startCamera() }
      case .background: demo.stopCamera()
      default: break
      }
    }
    .sheet(item: $demo.shared) { file in ShareSheet(file: file) }
  }

  @ViewBuilder private var scene: some View {
    if let picture = demo.picture {
      Image(uiImage: picture.image).resizable().scaledToFit()
        .accessibilityLabel("The chosen picture, with the people that were found")
    } else {
      switch demo.camera {
      case .running(let camera):
        LiveView(
          session: demo.feed.session, camera: camera, latest: demo.latest, rotated: { demo.turned($0) })
      case .starting: ProgressView()
      case .forbidden: ForbiddenView()
      case .failed(let reason): Text(reason).foregroundColor(.white)
      }
    }
  }
}

/// What to do where the camera was refused.
private struct ForbiddenView: View {
  @Environment(\.openURL) private var openURL

  var body: some View {
    VStack(spacing: 16) {
      Text("The camera is not allowed. Pictures of the library can be looked at all the same.")
        .foregroundColor(.white)
        .multilineTextAlignment(.center)
      Button("Open Settings") {
        if let settings = URL(string: UIApplication.openSettingsURLString) { openURL(settings) }
      }
    }
    .padding()
  }
}
