// SPDX-License-Identifier: Apache-2.0

/// All of an estimate but the network: pixels to its input, its outputs to a pose.
///
/// Keeps its scratch memory from picture to picture, so one belongs to one thread at a time.
public struct PoseProcessor: Sendable {
  /// The model's outputs that the decoder reads; write their `values` after the network has run.
  public var outputs: [OutputTensor]
  private let input: InputSpec
  private var decoder: any PoseDecoder
  private var points: [PosePoint] = []

  /// A processor for the generated contract.
  public init() throws(PoseError) {
    self.init(
      input: TemplatePoseContract.input, outputs: TemplatePoseContract.makeOutputs(),
      decoder: try TemplatePoseContract.makeDecoder())
  }

  /// - Parameters:
  ///   - input: the network's input.
  ///   - outputs: in the order of `decoder.outputNames`.
  ///   - decoder: of the network's head.
  public init(input: InputSpec, outputs: [OutputTensor], decoder: any PoseDecoder) {
    self.input = input
    self.outputs = outputs
    self.decoder = decoder
  }

  /// Writes the network's input for one person.
  /// - Parameters:
  ///   - image: as stored.
  ///   - orientation: how it becomes upright.
  ///   - region: source px of the upright image; nil for the whole of it.
  ///   - target: `InputSpec.valueCount` numbers.
  /// - Returns: what `finish` needs.
  public func prepare(
    _ image: PixelView, orientation: Orientation, region: Region?,
    into target: UnsafeMutableBufferPointer<Float>
  ) throws(PoseError) -> Prepared {
    let upright = uprightSize(storedSize: image.size, orientation: orientation)
    let looked = if let region { region } else { try frameRegion(sourceSize: upright, input: input) }
    let transform = try inputTransform(region: looked, input: input)
    try warp(image, transform: transform, input: input, orientation: orientation, into: target)
    return Prepared(region: looked, transform: transform)
  }

  /// The pose that `outputs` stand for, source px.
  /// - Throws: `PoseError.nonFinite` or `PoseError.wrongShape`; never a keypoint from bad numbers.
  public mutating func finish(_ prepared: Prepared) throws(PoseError) -> Pose {
    for output in outputs { try output.check() }
    try decoder.decode(outputs, size: input.size, into: &points)
    guard points.count == Keypoint.allCases.count else {
      throw .wrongShape(
        tensor: outputs.first?.name ?? "", expected: [Keypoint.allCases.count],
        found: [points.count])
    }
    let depthScale = prepared.transform.sourcePxPerInputPx
    let sourcePoints = points.map { point in
      let place = prepared.transform.toSource(Point(x: point.x, y: point.y))
      return PosePoint(
        x: place.x, y: place.y, z: point.z.map { $0 * depthScale }, score: point.score)
    }
    return Pose(points: sourcePoints, region: prepared.region)
  }

  /// What became of a picture before the network ran.
  public struct Prepared: Equatable, Sendable {
    /// Where the network looks, source px.
    public let region: Region
    /// Source px to input px.
    public let transform: InputTransform

    public init(region: Region, transform: InputTransform) {
      self.region = region
      self.transform = transform
    }
  }
}
