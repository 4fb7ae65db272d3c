// SPDX-License-Identifier: Apache-2.0

/// All of an estimate but the network: pixels to its input, its outputs to poses.
///
/// Keeps its scratch memory from picture to picture, so one belongs to one thread at a time.
public struct PoseProcessor: Sendable {
  /// The model's outputs that the decoder reads; write their `values` after the network has run.
  public var outputs: [OutputTensor]
  private let input: InputSpec
  private let depth: Depth?
  private var decoder: any PoseDecoder
  private let keypointCount: Int
  private let dense: [DenseSpec]
  private var people = DecodedPeople()

  /// A processor for one network of the generated contract.
  public init(_ stage: StageSpec = TemplatePoseContract.pose) throws(PoseError) {
    self.init(
      input: stage.input, outputs: stage.outputs, decoder: try stage.makeDecoder(),
      keypointCount: stage.decoderSettings.keypointCount, dense: stage.dense,
      depth: stage.depth)
  }

  /// - Parameters:
  ///   - input: the network's input.
  ///   - outputs: in the order of `decoder.outputNames`.
  ///   - decoder: of the network's head.
  ///   - keypointCount: of every person that it decodes.
  ///   - dense: the dense results that the network gives.
  ///   - depth: what z and places in the world mean; nil where there are none.
  public init(
    input: InputSpec, outputs: [OutputTensor], decoder: any PoseDecoder,
    keypointCount: Int = Keypoint.allCases.count, dense: [DenseSpec] = TemplatePoseContract.dense,
    depth: Depth? = nil
  ) {
    self.input = input
    self.outputs = outputs
    self.decoder = decoder
    self.keypointCount = keypointCount
    self.dense = dense
    self.depth = depth
  }

  /// Writes the network's input.
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
    let (looked, transform) = try place(image.size, orientation, region)
    try warp(image, transform: transform, input: input, orientation: orientation, into: target)
    return Prepared(region: looked, transform: transform)
  }

  /// The part of a stored picture that `prepare` reads, so that no more of it need be drawn.
  /// - Parameters:
  ///   - size: of the stored picture, px.
  ///   - orientation: how it becomes upright.
  ///   - region: source px of the upright image; nil for the whole of it.
  public func needed(
    of size: PixelSize, orientation: Orientation, region: Region?
  ) throws(PoseError) -> PixelRectangle {
    let (_, transform) = try place(size, orientation, region)
    return neededPixels(of: size, transform: transform, input: input, orientation: orientation)
  }

  private func place(
    _ size: PixelSize, _ orientation: Orientation, _ region: Region?
  ) throws(PoseError) -> (Region, InputTransform) {
    let upright = uprightSize(storedSize: size, orientation: orientation)
    let looked = if let region { region } else { try frameRegion(sourceSize: upright, input: input) }
    return (looked, try inputTransform(region: looked, input: input))
  }

  /// The people that `outputs` stand for, source px, the most confident first.
  /// - Throws: `PoseError.nonFinite` or `PoseError.wrongShape`; never a keypoint from bad numbers.
  public mutating func finish(_ prepared: Prepared) throws(PoseError) -> [Pose] {
    for output in outputs { try output.check() }
    people.removeAll()
    try decoder.decode(outputs, into: &people)
    var poses: [Pose] = []
    poses.reserveCapacity(people.count)
    for person in 0..<people.count { poses.append(try pose(person, prepared)) }
    return poses
  }

  /// The dense results that `outputs` stand for, over the upright image.
  /// - Throws: `PoseError.nonFinite` or `PoseError.wrongShape`.
  public func dense(_ prepared: Prepared) throws(PoseError) -> [DenseMap] {
    for output in outputs { try output.check() }
    return try denseMaps(dense, of: outputs, toPicture: prepared.transform.inverse)
  }

  private func pose(_ person: Int, _ prepared: Prepared) throws(PoseError) -> Pose {
    let points = people.points(of: person)
    guard points.count == keypointCount else {
      throw .wrongShape(tensor: outputs.first?.name ?? "", expected: [keypointCount], found: [points.count])
    }
    let depthScale = depth?.unit == .metres ? 1 : prepared.transform.sourcePxPerInputPx
    let origin = depth?.origin(of: points) ?? 0
    let sourcePoints = points.map { point in
      let place = prepared.transform.toSource(Point(x: point.x, y: point.y))
      return PosePoint(
        x: place.x, y: place.y, z: point.z.map { ($0 - origin) * depthScale }, score: point.score,
        visibility: point.visibility, presence: point.presence)
    }
    let world = people.world(of: person).map { depth?.aboutRoot($0) ?? $0 }
    return Pose(
      points: sourcePoints, confidence: people.confidence(of: person),
      box: people.box(of: person).map { prepared.transform.toSource($0) }, region: prepared.region,
      world: world?.map(prepared.transform.turned))
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
