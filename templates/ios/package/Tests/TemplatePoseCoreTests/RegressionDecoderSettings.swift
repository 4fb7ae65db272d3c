// SPDX-License-Identifier: Apache-2.0

import Foundation
import TemplatePoseCore

extension DecoderSettings {
  func regressionDecoder(_ alignment: Alignment) throws -> RegressionDecoder {
    let names: [String: RegressionDecoder.Field] = [
      "x": .x, "y": .y, "z": .z, "score": .score, "skip": .skip,
    ]
    return RegressionDecoder(
      output: output ?? "", fields: try (fields ?? []).map { try known(names, $0) },
      range: try known(["unit": .unit, "signed_unit": .signedUnit, "input_px": .inputPx], range),
      alignment: alignment,
      activation: try known(["none": .none, "sigmoid": .sigmoid], activation))
  }
}
