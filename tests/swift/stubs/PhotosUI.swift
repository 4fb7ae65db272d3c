// SPDX-License-Identifier: Apache-2.0

// A stand-in; see CoreML.swift.

import Foundation
import SwiftUI

public protocol Transferable {}
extension Data: Transferable {}

public struct PHPickerFilter: Sendable {
  public static let images = PHPickerFilter()
}
public struct PhotosPickerItem: Equatable, Hashable, Sendable {
  public func loadTransferable<T: Transferable>(type: T.Type) async throws -> T? { fatalError() }
}
@MainActor @preconcurrency public struct PhotosPicker<Label: View>: View {
  public init(
    selection: Binding<PhotosPickerItem?>, matching filter: PHPickerFilter? = nil,
    @ViewBuilder label: @Sendable () -> Label  // which may read nothing of the main actor's
  ) {}
  public var body: Never { fatalError() }
}
