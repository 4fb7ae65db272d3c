// SPDX-License-Identifier: Apache-2.0

// What Apple's XCTest has and Linux' has not; see CoreML.swift.

import Foundation
import XCTest

class XCTAttachment {
  enum Lifetime {
    case keepAlways
    case deleteOnSuccess
  }

  nonisolated(unsafe) static var added: [XCTAttachment] = []

  let url: URL
  var name: String?
  var lifetime = Lifetime.deleteOnSuccess

  init(contentsOfFile url: URL) {
    self.url = url
  }
}

extension XCTestCase {
  func add(_ attachment: XCTAttachment) { XCTAttachment.added.append(attachment) }
}
