// SPDX-License-Identifier: Apache-2.0

#if canImport(CoreML)
  @preconcurrency import CoreML
  import Foundation
  import TemplatePoseCore

  /// Compiles a model once, and finds it again at the next start.
  package enum ModelStore {
    /// A model in memory, and its compiled form, which may be somewhere temporary.
    package struct Loaded {
      package let model: MLModel
      package let compiled: URL
    }

    /// The model of a stage that came with this package: its compiled form, .mlmodelc, where that was put beside it.
    /// - Throws: `PoseError.modelMissing`.
    package static func shipped(_ stage: StageSpec = TemplatePoseContract.pose) throws -> URL {
      let name = (stage.modelFile as NSString).deletingPathExtension + ".mlmodelc"
      if let compiled = Bundle.module.resourceURL?.appendingPathComponent(name, isDirectory: true),
        FileManager.default.fileExists(atPath: compiled.path)
      {
        return compiled
      }
      return try shippedPackage(stage)
    }

    /// The .mlpackage of a stage that came with this package.
    /// - Throws: `PoseError.modelMissing`.
    package static func shippedPackage(_ stage: StageSpec = TemplatePoseContract.pose) throws -> URL {
      let file = stage.modelFile
      guard let url = Bundle.module.url(forResource: file, withExtension: nil) else {
        throw PoseError.modelMissing(file)
      }
      return url
    }

    /// - Parameter url: an .mlpackage, or an .mlmodelc, which is loaded as it is.
    /// - Throws: `PoseError.modelMissing` or `PoseError.modelUnusable`.
    package static func load(_ url: URL, computeUnits: MLComputeUnits) async throws -> Loaded {
      guard FileManager.default.fileExists(atPath: url.path) else {
        throw PoseError.modelMissing(url.lastPathComponent)
      }
      let configuration = MLModelConfiguration()
      configuration.computeUnits = computeUnits
      do {
        if url.pathExtension == "mlmodelc" {
          return Loaded(model: try await MLModel.load(contentsOf: url, configuration: configuration), compiled: url)
        }
        let kept = try keptURL(of: url)
        let wasThere = FileManager.default.fileExists(atPath: kept.path)
        if let model = try? await MLModel.load(contentsOf: kept, configuration: configuration) {
          return Loaded(model: model, compiled: kept)
        }
        if wasThere { try? FileManager.default.removeItem(at: kept) }  // of no use; else another start may just make it
        let compiled = try await MLModel.compileModel(at: url)
        let usable = keep(compiled, at: kept)
        return Loaded(model: try await MLModel.load(contentsOf: usable, configuration: configuration), compiled: usable)
      } catch {
        throw PoseError.modelUnusable(error.localizedDescription)
      }
    }

    /// Where the compiled form of this very model lies for this very build of the system.
    private static func keptURL(of package: URL) throws -> URL {
      let caches = try FileManager.default.url(
        for: .cachesDirectory, in: .userDomainMask, appropriateFor: nil, create: true)
      return
        try caches
        .appendingPathComponent("posekit", isDirectory: true)
        .appendingPathComponent(TemplatePoseContract.name, isDirectory: true)
        .appendingPathComponent(package.lastPathComponent, isDirectory: true)  // of two stages each has its own
        .appendingPathComponent("\(ModelKey.of(package)).mlmodelc", isDirectory: true)
    }

    /// Moves the compiled model to `kept`, in place of all older ones, also of those that earlier versions kept one
    /// folder above; where that fails, it serves where it is.
    ///
    /// Two estimators may be made at once: the second finds `kept` taken, and leaves it to the first.
    private static func keep(_ compiled: URL, at kept: URL) -> URL {
      let files = FileManager.default
      let folder = kept.deletingLastPathComponent()
      do {
        try files.createDirectory(at: folder, withIntermediateDirectories: true)
        try files.moveItem(at: compiled, to: kept)
        for other in try files.contentsOfDirectory(atPath: folder.path) where other != kept.lastPathComponent {
          try? files.removeItem(at: folder.appendingPathComponent(other))
        }
        let above = folder.deletingLastPathComponent()
        for other in try files.contentsOfDirectory(atPath: above.path) where other.hasSuffix(".mlmodelc") {
          try? files.removeItem(at: above.appendingPathComponent(other))
        }
        return kept
      } catch {
        return compiled
      }
    }
  }
#endif
