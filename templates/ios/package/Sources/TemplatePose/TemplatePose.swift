// SPDX-License-Identifier: Apache-2.0

#if canImport(CoreML)
  @preconcurrency import CoreML
  import CoreGraphics
  import CoreVideo
  import Foundation
  import ImageIO
  import TemplatePoseCore

  /// Finds the keypoints of one person in a picture.
  ///
  /// One instance owns one model. `estimate` runs where it is called and blocks until the pose is there, so
  /// call it from the camera's queue or a task of its own, never from the main thread. Calls from several
  /// threads wait for one another.
  ///
  /// Keypoints are in px of the upright, unmirrored picture: x to the right, y down, left is the person's left.
  public final class TemplatePose: @unchecked Sendable {
    public typealias Keypoint = TemplatePoseCore.Keypoint
    public typealias Pose = TemplatePoseCore.Pose
    public typealias Region = TemplatePoseCore.Region
    public typealias Box = TemplatePoseCore.Box

    private let lock = NSLock()
    private var session: Session?  // guarded by `lock`; nil after `close()`

    /// Loads the model that came with this package. The first start compiles it, which takes seconds; later
    /// ones find it in Caches.
    /// - Parameter computeUnits: where Core ML may run the model.
    /// - Throws: `PoseError`; `.contractMismatch` where the model was made from another contract.
    public convenience init(computeUnits: MLComputeUnits = .all) async throws {
      try await self.init(modelURL: ModelStore.shipped(), computeUnits: computeUnits)
    }

    /// Loads a model that the app keeps elsewhere, say one that it downloaded.
    /// - Parameters:
    ///   - modelURL: an .mlpackage, or an .mlmodelc.
    ///   - computeUnits: where Core ML may run the model.
    /// - Throws: `PoseError`; `.contractMismatch` where the model was made from another contract.
    public init(modelURL: URL, computeUnits: MLComputeUnits = .all) async throws {
      session = try Session(model: await ModelStore.load(modelURL, computeUnits: computeUnits).model)
    }

    /// The keypoints of the person in `region`.
    /// - Parameters:
    ///   - pixelBuffer: 32BGRA or 32RGBA, as stored.
    ///   - orientation: how the buffer becomes upright.
    ///   - region: where to look, px of the upright picture; nil for the whole of it.
    /// - Throws: `PoseError`.
    public func estimate(
      _ pixelBuffer: CVPixelBuffer, orientation: CGImagePropertyOrientation = .up,
      region: Region? = nil
    ) throws -> Pose {
      let upright = try Orientation(exifValue: Int(orientation.rawValue))
      return try withSession { session in
        let prepared = try withPixels(of: pixelBuffer) { pixels in
          try session.prepare(pixels, orientation: upright, region: region)
        }
        return try session.run(prepared)
      }
    }

    /// The keypoints of the person in `region`.
    /// - Parameters:
    ///   - image: as stored; a `CGImage` does not carry its orientation, so give it beside.
    ///   - orientation: how the image becomes upright.
    ///   - region: where to look, px of the upright picture; nil for the whole of it.
    /// - Throws: `PoseError`.
    public func estimate(
      _ image: CGImage, orientation: CGImagePropertyOrientation = .up, region: Region? = nil
    ) throws -> Pose {
      let upright = try Orientation(exifValue: Int(orientation.rawValue))
      return try withSession { session in
        let prepared = try withPixels(of: image) { pixels in
          try session.prepare(pixels, orientation: upright, region: region)
        }
        return try session.run(prepared)
      }
    }

    /// The region around a person's box, px of the upright picture, grown as in training.
    /// - Throws: `PoseError.invalidRegion` for a box without area.
    public static func regionFromBox(_ box: Box) throws(PoseError) -> Region {
      let input = TemplatePoseContract.input
      return try TemplatePoseCore.regionFromBox(box, size: input.size, padding: input.boxPadding)
    }

    /// Lets go of the model; afterwards `estimate` throws `PoseError.closed`.
    public func close() {
      lock.withLock { session = nil }
    }

    private func withSession<Result>(_ body: (Session) throws -> Result) throws -> Result {
      try lock.withLock {
        guard let session else { throw PoseError.closed }
        return try body(session)
      }
    }
  }
#endif
