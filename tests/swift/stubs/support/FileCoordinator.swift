// SPDX-License-Identifier: Apache-2.0

// What Apple's Foundation has and Linux' has not; type-checked together with the demo app.

import Foundation

class NSFileCoordinator: NSObject {
  struct ReadingOptions: OptionSet {
    let rawValue: UInt
    static let forUploading = ReadingOptions(rawValue: 8)
  }

  func coordinate(
    readingItemAt url: URL, options: ReadingOptions, error outError: UnsafeMutablePointer<NSError?>?,
    byAccessor reader: (URL) -> Void
  ) {}
}
