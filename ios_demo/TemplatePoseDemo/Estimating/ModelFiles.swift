// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A model file that the app can run: the package's own, or one in another precision.
struct ModelFile: Identifiable, Hashable, Decodable, Sendable {
  /// Its precision.
  let label: String
  /// Its name in FromBundle/models; empty: the package's own.
  let file: String

  var id: String { file }

  /// Where it is; nil for the package's own.
  var url: URL? {
    file.isEmpty ? nil : fromBundle?.appendingPathComponent("models").appendingPathComponent(file)
  }

  /// Those that the app was made with, the package's own first.
  static let all: [ModelFile] = {
    struct Index: Decodable { let models: [ModelFile] }
    guard let list = fromBundle?.appendingPathComponent("bundles.json"), let data = try? Data(contentsOf: list),
      let index = try? JSONDecoder().decode(Index.self, from: data), !index.models.isEmpty
    else { return [ModelFile(label: "the package's own", file: "")] }
    return index.models
  }()
}

/// What `posekit demo` put beside the app: further models, and the evaluation cases.
let fromBundle = Bundle.main.url(forResource: "FromBundle", withExtension: nil)
