// SPDX-License-Identifier: Apache-2.0

/// What each px of the input is made of along one axis of the stored picture.
///
/// The weights of px i are those from `start[i]` to before `start[i + 1]`, for the px of the picture from
/// `first[i]` on; `inside[i]` is their sum, which padding makes 1.
struct AxisTaps {
  let count: Int
  private(set) var first: [Int] = []
  private(set) var start: [Int] = [0]
  private(set) var inside: [Float] = []
  private(set) var weights: [Float] = []
  private let length: Int
  private let clamp: Bool
  /// Half the triangle's width, source px.
  private let reach: Double

  /// - Parameters:
  ///   - origin: where input px 0 lies, index of the picture.
  ///   - step: from one px of the input to the next.
  ///   - indices: px of the input, at least one.
  ///   - length: of the picture, px.
  ///   - clamp: whether only px of the picture count.
  init(origin: Double, step: Double, indices: Range<Int>, length: Int, clamp: Bool) {
    count = indices.count
    self.length = length
    self.clamp = clamp
    reach = max(abs(step), 1)
    for index in indices { append(at: origin + step * Double(index)) }
  }

  /// The first px of the picture that any weight is for.
  var lowest: Int { first.min() ?? 0 }

  /// The last px of the picture that any weight is for.
  var highest: Int { (0..<count).map { first[$0] + start[$0 + 1] - start[$0] - 1 }.max() ?? 0 }

  /// The weight of the picture's px `pixel` in px `i`.
  @inline(__always)
  func weight(_ i: Int, of pixel: Int) -> Float {
    let tap = start[i] + pixel - first[i]
    return tap >= start[i] && tap < start[i + 1] ? weights[tap] : 0
  }

  private mutating func append(at place: Double) {
    let last = Double(length - 1)
    // farther away there is nothing either
    let position = min(max(place, -reach - 1), Double(length) + reach)
    let low = Int(min(max((position - reach).rounded(.up), 0), last))
    let high = Int(min(max((position + reach).rounded(.down), 0), last))
    let raw = (low...high).map { max(1 - abs(Double($0) - position) / reach, 0) }
    let sum = raw.reduce(0, +)
    if clamp && sum == 0 {
      first.append(position < 0 ? 0 : length - 1)
      weights.append(1)
      inside.append(1)
    } else {
      let whole = clamp ? sum : whole(position)
      first.append(low)
      weights += raw.map { Float($0 / whole) }
      inside.append(Float(sum / whole))
    }
    start.append(weights.count)
  }

  /// Sum of the triangle over all whole numbers: two arithmetic series, to the left and right of `position`.
  private func whole(_ position: Double) -> Double {
    let fraction = position - position.rounded(.down)
    let left = (reach - fraction).rounded(.up)
    let right = (reach + fraction).rounded(.up) - 1
    let below = left - (left * fraction + left * (left - 1) / 2) / reach
    let above = right - (right * (right + 1) / 2 - right * fraction) / reach
    return below + above
  }
}
