// SPDX-License-Identifier: Apache-2.0

import Dispatch

/// Now, ns from some moment on.
func nanoseconds() -> UInt64 { DispatchTime.now().uptimeNanoseconds }

/// How long the steps of the timed runs took, ns.
struct RunTimes {
  private var preprocessing: [UInt64] = []
  private var inference: [UInt64] = []
  private var decoding: [UInt64] = []

  /// Adds one run by the moments between its steps.
  mutating func add(start: UInt64, prepared: UInt64, inferred: UInt64, decoded: UInt64) {
    preprocessing.append(prepared - start)
    inference.append(inferred - prepared)
    decoding.append(decoded - inferred)
  }

  /// Percentiles by step in ms; nil where nothing was timed.
  func summary() -> [String: Latency]? {
    guard !preprocessing.isEmpty else { return nil }
    let steps = ["preprocessing": preprocessing, "inference": inference, "decoding": decoding]
    return steps.mapValues { times in
      let sorted = times.sorted()
      return Latency(p50: percentile(sorted, 50), p90: percentile(sorted, 90), runs: sorted.count)
    }
  }

  /// The least value that at least that many of a hundred do not exceed.
  private func percentile(_ sorted: [UInt64], _ part: Int) -> Double {
    Double(sorted[(part * sorted.count + 99) / 100 - 1]) / 1e6
  }
}
