// SPDX-License-Identifier: Apache-2.0

import Foundation

/// 1 / (1 + exp(-x)), without overflow.
func sigmoid(_ value: Double) -> Double {
  let small = exp(-abs(value))
  return value >= 0 ? 1 / (1 + small) : small / (1 + small)
}
