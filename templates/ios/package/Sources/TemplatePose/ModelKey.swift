// SPDX-License-Identifier: Apache-2.0

#if canImport(CoreML)
  import CryptoKit
  import Foundation
  import TemplatePoseCore

  /// What tells a model package from every other, without reading all of its weights at every start.
  ///
  /// Of each file it takes name, size and time of change; the bytes of a small one, as the network's description is,
  /// and of a large one, as weights are, those of 64 places spread over it: other weights differ everywhere. Beside
  /// that where the package lies, which changes as an app is installed, the contract, and the system, whose compiler
  /// made the compiled form.
  enum ModelKey {
    private static let smallBytes = 1 << 20
    private static let places = 64
    private static let bytesOfPlace = 4096

    /// 64 hexadecimal digits, or as many as the hash has.
    static func of(_ package: URL) throws -> String {
      var hash = SHA256()
      func add(_ text: String) { hash.update(data: Data("\(text)\n".utf8)) }
      add(ProcessInfo.processInfo.operatingSystemVersionString)
      add(TemplatePoseContract.contractHash)
      add(package.standardizedFileURL.path)
      for path in try FileManager.default.subpathsOfDirectory(atPath: package.path).sorted() {
        let file = package.appendingPathComponent(path)
        let facts = try FileManager.default.attributesOfItem(atPath: file.path)
        add(path)
        guard facts[.type] as? FileAttributeType == .typeRegular else { continue }
        let size = (facts[.size] as? NSNumber)?.intValue ?? 0
        let changed = (facts[.modificationDate] as? Date)?.timeIntervalSinceReferenceDate ?? 0
        add("\(size) \(changed.bitPattern)")
        for piece in try pieces(of: file, size: size) { hash.update(data: piece) }
      }
      return hash.finalize().map { String(format: "%02x", $0) }.joined()
    }

    private static func pieces(of file: URL, size: Int) throws -> [Data] {
      if size <= smallBytes { return [try Data(contentsOf: file)] }
      let handle = try FileHandle(forReadingFrom: file)
      defer { try? handle.close() }
      return try (0..<places).map { place in
        try handle.seek(toOffset: UInt64((size - bytesOfPlace) / (places - 1) * place))
        return try handle.read(upToCount: bytesOfPlace) ?? Data()
      }
    }
  }
#endif
