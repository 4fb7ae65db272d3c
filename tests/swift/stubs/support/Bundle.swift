// SPDX-License-Identifier: Apache-2.0

// What the package manager writes for a target with resources; type-checked together with the Core ML layer.

import Foundation

extension Foundation.Bundle {
  static var module: Bundle { fatalError() }
}
