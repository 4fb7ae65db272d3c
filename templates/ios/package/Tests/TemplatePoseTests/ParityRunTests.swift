// SPDX-License-Identifier: Apache-2.0

#if canImport(CoreML)
  import Foundation
  import TemplatePoseRun
  import XCTest

  /// Runs a request of posekit on this device, and attaches what it wrote to the test's result.
  ///
  /// The request is in the folder that POSEKIT_RUN names (TEST_RUNNER_POSEKIT_RUN for xcodebuild), or in `posekit` in
  /// the app's Documents; the answer goes into `run` in there.
  final class ParityRunTests: XCTestCase {
    func testRunsTheRequest() async throws {
      let files = FileManager.default
      let folder = try Self.folder()
      guard files.fileExists(atPath: folder.appendingPathComponent("request.json").path) else {
        throw XCTSkip("no request.json in \(folder.path): nothing to run")
      }
      let out = folder.appendingPathComponent("run", isDirectory: true)
      try? files.removeItem(at: out)  // what an earlier run left there would be attached too
      let failure = try await runRequest(folder, out: out) { print("posekit: \($0)") }
      for name in try files.contentsOfDirectory(atPath: out.path).sorted() {
        let attachment = XCTAttachment(contentsOfFile: out.appendingPathComponent(name))
        attachment.name = name
        attachment.lifetime = .keepAlways
        add(attachment)
      }
      print("posekit: \(failure ?? "done: \(out.path)")")
      XCTAssertNil(failure)
    }

    private static func folder() throws -> URL {
      if let named = ProcessInfo.processInfo.environment["POSEKIT_RUN"] {
        return URL(fileURLWithPath: named, isDirectory: true)
      }
      let documents = try FileManager.default.url(
        for: .documentDirectory, in: .userDomainMask, appropriateFor: nil, create: false)
      return documents.appendingPathComponent("posekit", isDirectory: true)
    }
  }
#endif
