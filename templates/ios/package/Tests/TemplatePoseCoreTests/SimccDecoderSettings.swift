// SPDX-License-Identifier: Apache-2.0

import Foundation
import TemplatePoseCore

extension DecoderSettings {
  func simccDecoder() throws -> SimccDecoder {
    SimccDecoder(
      outputX: outputX ?? "", outputY: outputY ?? "", splitRatio: splitRatio ?? 0,
      scoreReduction: try known(["min": .min, "mean": .mean], scoreReduction),
      refinement: try known(["none": .none, "quadratic": .quadratic], refinement),
      activation: try known(["none": .none, "softmax": .softmax], activation))
  }
}
