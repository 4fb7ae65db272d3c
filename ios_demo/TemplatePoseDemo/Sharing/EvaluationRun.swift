// SPDX-License-Identifier: Apache-2.0

import Foundation
import TemplatePoseRun

/// Runs the bundle's evaluation cases on every processor that the request names; returns a zip file of the device run.
/// - Parameter log: told what is being run.
func runEvaluation(log: @escaping @Sendable (String) -> Void) async throws -> URL {
  let files = FileManager.default
  guard let request = fromBundle?.appendingPathComponent("request", isDirectory: true),
    files.fileExists(atPath: request.appendingPathComponent("request.json").path)
  else { throw DemoError("This app was made without evaluation cases.") }
  let out = files.temporaryDirectory.appendingPathComponent("device-run", isDirectory: true)
  try? files.removeItem(at: out)  // what an earlier run left there
  if let failure = try await runRequest(request, out: out, log: { log($0) }) {
    log(failure)  // run.json says it too, so that it is shared all the same
  }
  return try zip(out)
}

/// The folder as a zip file beside it: the system makes one of a folder that is read in order to be sent.
private func zip(_ folder: URL) throws -> URL {
  let target = folder.appendingPathExtension("zip")
  var problem: NSError?
  var result: Result<URL, any Error> = .failure(DemoError("The run cannot be packed."))
  NSFileCoordinator().coordinate(readingItemAt: folder, options: .forUploading, error: &problem) { packed in
    result = Result {
      try? FileManager.default.removeItem(at: target)
      try FileManager.default.copyItem(at: packed, to: target)
      return target
    }
  }
  if let problem { throw problem }
  return try result.get()
}
