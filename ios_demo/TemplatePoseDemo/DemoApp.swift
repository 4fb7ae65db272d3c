// SPDX-License-Identifier: Apache-2.0

import SwiftUI

@main
struct DemoApp: App {
  var body: some Scene {
    WindowGroup {
      DemoView()
    }
  }
}
