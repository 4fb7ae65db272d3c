// SPDX-License-Identifier: Apache-2.0

/// What a dense result is: how sure of a person, which of several parts, or that and where on its surface.
public enum DenseKind: String, Sendable { case mask, parts, iuv }

/// Channels of an output from `first` on.
public struct DenseRole: Sendable {
  public let output: String
  public let first: Int

  public init(output: String, first: Int) {
    self.output = output
    self.first = first
  }
}

/// What makes a mask's channel 0 to 1.
public enum DenseActivation: String, Sendable { case none, sigmoid }

/// A dense result of the contract.
public struct DenseSpec: Sendable {
  public let name: String
  public let kind: DenseKind
  /// The output whose channels it is made of, one a label, and the first of them.
  public let output: String
  public let first: Int
  /// Cell i of the output is at (i + shift) * stride input px.
  public let stride: Double
  public let shift: Double
  /// How often finer the result's cells are.
  public let upsampling: Int
  public let activation: DenseActivation
  /// A mask is on from there on.
  public let threshold: Double
  /// The name of the mask where parts are; empty: they are everywhere.
  public let within: String
  public let labels: [String]
  /// Of `iuv`: parts are there where the highest of so many channels of `coarse` is not the first, the background.
  public let coarseCount: Int
  public let coarse: DenseRole?
  /// Of `iuv`: a channel a label, and one of the background before.
  public let u: DenseRole?
  public let v: DenseRole?

  public init(
    name: String, kind: DenseKind, output: String, first: Int, stride: Double, shift: Double, upsampling: Int,
    activation: DenseActivation, threshold: Double, within: String, labels: [String], coarseCount: Int = 2,
    coarse: DenseRole? = nil, u: DenseRole? = nil, v: DenseRole? = nil
  ) {
    self.name = name
    self.kind = kind
    self.output = output
    self.first = first
    self.stride = stride
    self.shift = shift
    self.upsampling = upsampling
    self.activation = activation
    self.threshold = threshold
    self.within = within
    self.labels = labels
    self.coarseCount = coarseCount
    self.coarse = coarse
    self.u = u
    self.v = v
  }
}
