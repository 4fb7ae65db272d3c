// SPDX-License-Identifier: Apache-2.0

/// What the code knows of one network; of two stages there are two.
public struct StageSpec: Sendable {
  /// How a decoder is made of its settings.
  public typealias DecoderOf = @Sendable (DecoderSettings) throws(PoseError) -> any PoseDecoder

  /// The model's file among the package's resources.
  public let modelFile: String
  /// How the network wants its picture.
  public let input: InputSpec
  /// Its outputs, empty: those that the decoder reads, in its order, then those of dense results.
  public let outputs: [OutputTensor]
  /// What the contract calls the head that the decoder is for.
  public let decoderKind: String
  /// What the contract says of the decoder, by its own names.
  public let decoderSettings: DecoderSettings
  /// The dense results that the network gives.
  public let dense: [DenseSpec]
  /// What z and places in the world mean; nil where the network gives neither.
  public let depth: Depth?
  private let decoderOf: DecoderOf

  public init(
    modelFile: String, input: InputSpec, outputs: [OutputTensor], decoderKind: String,
    decoderSettings: DecoderSettings, dense: [DenseSpec] = [], depth: Depth? = nil,
    decoderOf: @escaping DecoderOf
  ) {
    self.modelFile = modelFile
    self.input = input
    self.outputs = outputs
    self.decoderKind = decoderKind
    self.decoderSettings = decoderSettings
    self.dense = dense
    self.depth = depth
    self.decoderOf = decoderOf
  }

  /// The decoder of the network's head.
  /// - Parameter settings: nil for the contract's own.
  /// - Throws: `PoseError.wrongSetting`, never with the contract's own settings.
  public func makeDecoder(_ settings: DecoderSettings? = nil) throws(PoseError) -> any PoseDecoder {
    try decoderOf(settings ?? decoderSettings)
  }
}
