// SPDX-License-Identifier: Apache-2.0

import SwiftUI
import UIKit

/// A file that is handed to another app.
struct SharedFile: Identifiable {
  let url: URL

  var id: URL { url }
}

/// The system's sheet for it.
struct ShareSheet: UIViewControllerRepresentable {
  let file: SharedFile

  func makeUIViewController(context: Context) -> UIActivityViewController {
    UIActivityViewController(activityItems: [file.url], applicationActivities: nil)
  }

  func updateUIViewController(_ controller: UIActivityViewController, context: Context) {}
}
