// SPDX-License-Identifier: Apache-2.0

import SwiftUI

/// How long the steps take, how many frames a second come of it, and what runs the model.
struct FiguresView: View {
  @ObservedObject var demo: DemoModel

  var body: some View {
    VStack(alignment: .leading, spacing: 2) {
      Text(demo.modelText)
      if let rate = demo.statistics.framesPerSecond {
        Text("frames a second: p50 \(one(rate.p50)), p90 \(one(rate.p90))")
      }
      ForEach(demo.statistics.steps) { step in
        Text("\(step.name): p50 \(one(step.ms.p50)) ms, p90 \(one(step.ms.p90)) ms")
      }
      if let message = demo.message { Text(message).foregroundColor(.yellow) }
    }
    .font(.caption.monospacedDigit())
    .foregroundColor(.white)
    .padding(8)
    .background(Color.black.opacity(0.5))
    .frame(maxWidth: .infinity, alignment: .leading)
  }

  private func one(_ number: Double) -> String { number.formatted(.number.precision(.fractionLength(1))) }
}
