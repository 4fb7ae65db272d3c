// SPDX-License-Identifier: Apache-2.0

/// The kinds of numbers that an output may hold.
public enum ElementType: Sendable {
  case float16
  case float32
  case float64

  /// Bytes of one number.
  public var size: Int {
    switch self {
    case .float16: 2
    case .float32: 4
    case .float64: 8
    }
  }
}

/// Copies a tensor whose rows may be padded, and whose numbers may be of another type, into dense Floats.
///
/// - Parameters:
///   - source: the tensor's memory.
///   - type: of its numbers.
///   - shape: numbers along each axis.
///   - strides: numbers from one index of an axis to the next.
///   - tensor: its name, for errors.
///   - values: as many as `shape` says; overwritten.
/// - Throws: `PoseError.wrongShape` where memory, shape, strides and values do not fit together.
public func readStrided(
  _ source: UnsafeRawBufferPointer, type: ElementType, shape: [Int], strides: [Int],
  tensor: String, into values: inout [Float]
) throws(PoseError) {
  let fits = shape.count == strides.count && !shape.isEmpty
  guard fits, shape.allSatisfy({ $0 > 0 }), values.count == shape.reduce(1, *) else {
    throw .wrongShape(tensor: tensor, expected: [values.count], found: shape)
  }
  var last = 0
  for (length, stride) in zip(shape, strides) { last += (length - 1) * stride }
  guard let base = source.baseAddress, strides.allSatisfy({ $0 >= 0 }),
    (last + 1) * type.size <= source.count
  else {
    throw .wrongType(tensor: tensor, found: "\(source.count) bytes with strides \(strides)")
  }
  values.withUnsafeMutableBufferPointer { target in
    let inner = shape.count - 1
    for row in 0..<target.count / shape[inner] {
      var rest = row
      var offset = 0
      for axis in stride(from: inner - 1, through: 0, by: -1) {
        offset += rest % shape[axis] * strides[axis]
        rest /= shape[axis]
      }
      let start = base + offset * type.size
      let line = UnsafeMutableBufferPointer(
        rebasing: target[row * shape[inner]..<(row + 1) * shape[inner]])
      readRow(start, type: type, stride: strides[inner], into: line)
    }
  }
}

private func readRow(
  _ start: UnsafeRawPointer, type: ElementType, stride: Int, into line: UnsafeMutableBufferPointer<Float>
) {
  let step = stride * type.size
  switch type {
  case .float16:
    for index in line.indices {
      line[index] = floatFromHalf(start.loadUnaligned(fromByteOffset: index * step, as: UInt16.self))
    }
  case .float32:
    for index in line.indices {
      line[index] = start.loadUnaligned(fromByteOffset: index * step, as: Float.self)
    }
  case .float64:
    for index in line.indices {
      line[index] = Float(start.loadUnaligned(fromByteOffset: index * step, as: Double.self))
    }
  }
}

/// The value of IEEE half-precision bits. Swift's Float16 does not exist on Intel Macs.
func floatFromHalf(_ bits: UInt16) -> Float {
  let sign = UInt32(bits & 0x8000) << 16
  let exponent = UInt32(bits >> 10) & 0x1f
  let fraction = UInt32(bits & 0x3ff)
  switch exponent {
  case 0:
    let magnitude = Float(fraction) * 0x1p-24
    return sign == 0 ? magnitude : -magnitude
  case 31:
    return Float(bitPattern: sign | 0x7f80_0000 | fraction << 13)
  default:
    return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
  }
}
