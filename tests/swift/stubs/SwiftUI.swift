// SPDX-License-Identifier: Apache-2.0

// A stand-in; see CoreML.swift. What there is of views; SwiftUIModifiers.swift has what is done to them.

@_exported import CoreGraphics
@_exported import Foundation
import UIKit

@MainActor @preconcurrency public protocol View {
  associatedtype Body: View
  @ViewBuilder var body: Body { get }
}
extension Never: View {
  public typealias Body = Never
  public var body: Never { fatalError() }
}
public struct StandInView: View {
  public var body: Never { fatalError() }
}
extension Optional: View where Wrapped: View {
  public var body: Never { fatalError() }
}
public struct StandInEither<One: View, Other: View>: View {
  public var body: Never { fatalError() }
}
@resultBuilder public enum ViewBuilder {
  nonisolated public static func buildBlock<each Content: View>(_ content: repeat each Content) -> StandInView {
    StandInView()
  }
  nonisolated public static func buildBlock<Content: View>(_ content: Content) -> Content { content }
  nonisolated public static func buildExpression<Content: View>(_ content: Content) -> Content { content }
  nonisolated public static func buildIf<Content: View>(_ content: Content?) -> Content? { content }
  nonisolated public static func buildEither<One: View, Other: View>(first: One) -> StandInEither<One, Other> {
    StandInEither()
  }
  nonisolated public static func buildEither<One: View, Other: View>(second: Other) -> StandInEither<One, Other> {
    StandInEither()
  }
}

@MainActor @preconcurrency public protocol Scene {}
@resultBuilder public enum SceneBuilder {
  nonisolated public static func buildBlock<Content: Scene>(_ content: Content) -> Content { content }
}
@MainActor @preconcurrency public protocol App {
  associatedtype Body: Scene
  @SceneBuilder var body: Body { get }
  init()
}
extension App {
  public static func main() { fatalError() }
}
public struct WindowGroup<Content: View>: Scene {
  public nonisolated init(@ViewBuilder content: () -> Content) {}
}
public enum ScenePhase: Comparable, Sendable {
  case background
  case inactive
  case active
}

public struct LocalizedStringKey: ExpressibleByStringInterpolation, Equatable {
  public init(stringLiteral value: String) {}
}
public struct Text: View {
  public init(_ key: LocalizedStringKey) {}
  @_disfavoredOverload public init<S: StringProtocol>(_ content: S) {}
  public var body: Never { fatalError() }
}
public struct Image: Sendable {
  public init(systemName: String) {}
  public init(uiImage: UIImage) {}
  public func resizable() -> Image { self }
}
extension Image: View {
  public var body: Never { fatalError() }
}
public struct Color: View {
  public static let black = Color()
  public static let white = Color()
  public static let yellow = Color()
  public func opacity(_ opacity: Double) -> Color { self }
  public var body: Never { fatalError() }
}
public struct Spacer: View {
  public init() {}
  public var body: Never { fatalError() }
}
public struct ProgressView: View {
  public init() {}
  public var body: Never { fatalError() }
}
public enum HorizontalAlignment: Sendable {
  case leading
  case center
}
public struct Alignment: Sendable {
  public static let leading = Alignment()
  public static let center = Alignment()
}
public struct VStack<Content: View>: View {
  public init(
    alignment: HorizontalAlignment = .center, spacing: CGFloat? = nil, @ViewBuilder content: () -> Content
  ) {}
  public var body: Never { fatalError() }
}
public struct HStack<Content: View>: View {
  public init(spacing: CGFloat? = nil, @ViewBuilder content: () -> Content) {}
  public var body: Never { fatalError() }
}
public struct ZStack<Content: View>: View {
  public init(alignment: Alignment = .center, @ViewBuilder content: () -> Content) {}
  public var body: Never { fatalError() }
}
public struct ForEach<Data: RandomAccessCollection, ID: Hashable, Content: View>: View {
  public init(_ data: Data, id: KeyPath<Data.Element, ID>, @ViewBuilder content: @escaping (Data.Element) -> Content) {}
  public init(_ data: Data, @ViewBuilder content: @escaping (Data.Element) -> Content)
  where Data.Element: Identifiable, ID == Data.Element.ID {}
  public var body: Never { fatalError() }
}
public struct Button<Label: View>: View {
  public init(action: @escaping @MainActor () -> Void, @ViewBuilder label: () -> Label) {}
  public init(_ titleKey: LocalizedStringKey, action: @escaping @MainActor () -> Void) where Label == Text {}
  public var body: Never { fatalError() }
}
public struct Toggle: View {
  public init(_ titleKey: LocalizedStringKey, isOn: Binding<Bool>) {}
  public var body: Never { fatalError() }
}
public struct Picker<SelectionValue: Hashable, Content: View>: View {
  public init(
    _ titleKey: LocalizedStringKey, selection: Binding<SelectionValue>, @ViewBuilder content: () -> Content
  ) {}
  public var body: Never { fatalError() }
}
public struct Menu<Label: View, Content: View>: View {
  public init(@ViewBuilder content: () -> Content, @ViewBuilder label: () -> Label) {}
  public var body: Never { fatalError() }
}

@MainActor @preconcurrency public protocol UIViewRepresentable: View where Body == Never {
  associatedtype UIViewType: UIView
  associatedtype Coordinator = Void
  typealias Context = UIViewRepresentableContext<Self>
  func makeUIView(context: Context) -> UIViewType
  func updateUIView(_ uiView: UIViewType, context: Context)
  func makeCoordinator() -> Coordinator
}
extension UIViewRepresentable {
  public var body: Never { fatalError() }
}
@MainActor @preconcurrency public struct UIViewRepresentableContext<Representable: UIViewRepresentable> {
  public let coordinator: Representable.Coordinator
}
@MainActor @preconcurrency public protocol UIViewControllerRepresentable: View where Body == Never {
  associatedtype UIViewControllerType: UIViewController
  typealias Context = UIViewControllerRepresentableContext<Self>
  func makeUIViewController(context: Context) -> UIViewControllerType
  func updateUIViewController(_ uiViewController: UIViewControllerType, context: Context)
}
extension UIViewControllerRepresentable {
  public var body: Never { fatalError() }
}
@MainActor @preconcurrency
public struct UIViewControllerRepresentableContext<
  Representable: UIViewControllerRepresentable
> {}
