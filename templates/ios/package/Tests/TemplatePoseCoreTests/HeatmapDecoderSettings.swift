// SPDX-License-Identifier: Apache-2.0

import Foundation
import TemplatePoseCore

extension DecoderSettings {
  func heatmapDecoder() throws -> HeatmapDecoder {
    HeatmapDecoder(
      output: output ?? "",
      refinement: try known(["none": .none, "quarter": .quarter, "dark": .dark], refinement),
      alignment: try known(["stride": .stride, "corners": .corners], alignment),
      blurKernel: blurKernel ?? 0,
      activation: try known(["none": .none, "sigmoid": .sigmoid], activation))
  }
}
