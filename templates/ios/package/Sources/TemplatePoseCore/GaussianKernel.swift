// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Normalised Gaussian of odd `size` with the sigma that OpenCV derives from it.
func gaussianKernel(_ size: Int) -> [Double] {
  let sigma = 0.3 * ((Double(size) - 1) * 0.5 - 1) + 0.8
  let weights = (0..<size).map { index in
    let position = Double(index - size / 2)
    return exp(-(position * position) / (2 * sigma * sigma))
  }
  let total = weights.reduce(0, +)
  return weights.map { $0 / total }
}
