// SPDX-License-Identifier: Apache-2.0

/// What the contract says of its decoder, and of the input that keypoints are decoded into.
///
/// Settings have the contract's own names: `boxes.first` is `first` of its part `boxes`.
/// Every getter throws `PoseError.wrongSetting` where the setting is missing or of another type.
public struct DecoderSettings: Sendable {
  /// A setting as pose.json has it.
  public enum Value: Equatable, Sendable {
    case text(String)
    case integer(Int)
    case number(Double)
    case flag(Bool)
    case list([Value])
  }

  /// The network's input, input px.
  public let inputSize: PixelSize
  /// How coordinates of the input relate to its pixels.
  public let inputAlignment: Alignment
  /// Number of keypoints (K).
  public let keypointCount: Int
  /// What the contract says, by its own names; what it leaves out is absent.
  public let values: [String: Value]

  public init(
    _ values: [String: Value], inputSize: PixelSize, inputAlignment: Alignment, keypointCount: Int
  ) {
    self.values = values
    self.inputSize = inputSize
    self.inputAlignment = inputAlignment
    self.keypointCount = keypointCount
  }

  public func text(_ name: String) throws(PoseError) -> String {
    guard case .text(let text)? = values[name] else { throw wrong(name, expected: "a text") }
    return text
  }

  /// A number; one without a fraction may be written as an integer.
  public func number(_ name: String) throws(PoseError) -> Double {
    switch values[name] {
    case .number(let number)?: return number
    case .integer(let integer)?: return Double(integer)
    default: throw wrong(name, expected: "a number")
    }
  }

  public func integer(_ name: String) throws(PoseError) -> Int {
    guard case .integer(let integer)? = values[name] else { throw wrong(name, expected: "an integer") }
    return integer
  }

  public func flag(_ name: String) throws(PoseError) -> Bool {
    guard case .flag(let flag)? = values[name] else { throw wrong(name, expected: "true or false") }
    return flag
  }

  /// A list of numbers, written as `number` takes them.
  public func numbers(_ name: String) throws(PoseError) -> [Double] {
    guard case .list(let list)? = values[name] else { throw wrong(name, expected: "a list of numbers") }
    var numbers: [Double] = []
    for value in list {
      switch value {
      case .number(let number): numbers.append(number)
      case .integer(let integer): numbers.append(Double(integer))
      default: throw wrong(name, expected: "a list of numbers")
      }
    }
    return numbers
  }

  public func integers(_ name: String) throws(PoseError) -> [Int] {
    guard case .list(let list)? = values[name] else { throw wrong(name, expected: "a list of integers") }
    var integers: [Int] = []
    for case .integer(let integer) in list { integers.append(integer) }
    guard integers.count == list.count else { throw wrong(name, expected: "a list of integers") }
    return integers
  }

  /// Whether the contract says anything of that name: what it leaves out is absent.
  public func has(_ name: String) -> Bool { values[name] != nil }

  public func texts(_ name: String) throws(PoseError) -> [String] {
    guard case .list(let list)? = values[name] else { throw wrong(name, expected: "a list of texts") }
    var texts: [String] = []
    for case .text(let text) in list { texts.append(text) }
    guard texts.count == list.count else { throw wrong(name, expected: "a list of texts") }
    return texts
  }

  /// The case whose raw value is the contract's word.
  public func choice<Choice: RawRepresentable<String> & CaseIterable>(_ name: String) throws(PoseError) -> Choice {
    try among(name, try text(name))
  }

  /// As `choice`, of every text in a list.
  public func choices<Choice: RawRepresentable<String> & CaseIterable>(_ name: String) throws(PoseError) -> [Choice] {
    var choices: [Choice] = []
    for word in try texts(name) { choices.append(try among(name, word)) }
    return choices
  }

  private func among<Choice: RawRepresentable<String> & CaseIterable>(
    _ name: String, _ word: String
  ) throws(PoseError) -> Choice {
    guard let choice = Choice(rawValue: word) else {
      let words = Choice.allCases.map(\.rawValue).joined(separator: ", ")
      throw wrong(name, expected: "one of \(words)")
    }
    return choice
  }

  /// What a decoder throws where a setting is of the right type and still of no use.
  public func wrong(_ name: String, expected: String) -> PoseError {
    .wrongSetting(name: name, expected: expected, found: values[name]?.description)
  }
}

extension DecoderSettings.Value: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral
{
  public init(stringLiteral text: String) { self = .text(text) }
  public init(integerLiteral integer: Int) { self = .integer(integer) }
  public init(floatLiteral number: Double) { self = .number(number) }
  public init(booleanLiteral flag: Bool) { self = .flag(flag) }
  public init(arrayLiteral values: DecoderSettings.Value...) { self = .list(values) }
}

extension DecoderSettings.Value: CustomStringConvertible {
  /// As pose.json writes it.
  public var description: String {
    switch self {
    case .text(let text): "\"\(text)\""
    case .integer(let integer): "\(integer)"
    case .number(let number): "\(number)"
    case .flag(let flag): "\(flag)"
    case .list(let values): "[\(values.map(\.description).joined(separator: ", "))]"
    }
  }
}
