// SPDX-License-Identifier: Apache-2.0

// A stand-in; see CoreML.swift. CoreMedia's are here too.

@_exported import CoreGraphics
@_exported import CoreVideo
@_exported import Foundation
import QuartzCore

public class CMSampleBuffer {}
public func CMSampleBufferGetImageBuffer(_ sampleBuffer: CMSampleBuffer) -> CVImageBuffer? { fatalError() }
public struct CMTime {
  public var seconds: Double { fatalError() }
}
public func CMSampleBufferGetPresentationTimeStamp(_ sampleBuffer: CMSampleBuffer) -> CMTime { fatalError() }

public struct AVMediaType: RawRepresentable, Hashable, Sendable {
  public let rawValue: String
  public init(rawValue: String) { self.rawValue = rawValue }
  public static let video = AVMediaType(rawValue: "vide")
}
public enum AVAuthorizationStatus: Int, Sendable {
  case notDetermined
  case restricted
  case denied
  case authorized
}
public enum AVCaptureVideoOrientation: Int, Sendable {
  case portrait = 1
  case portraitUpsideDown
  case landscapeRight
  case landscapeLeft
}
public struct AVLayerVideoGravity: RawRepresentable, Hashable, Sendable {
  public let rawValue: String
  public init(rawValue: String) { self.rawValue = rawValue }
  public static let resizeAspect = AVLayerVideoGravity(rawValue: "AVLayerVideoGravityResizeAspect")
  public static let resizeAspectFill = AVLayerVideoGravity(rawValue: "AVLayerVideoGravityResizeAspectFill")
}

public class AVCaptureDevice: NSObject {
  public enum Position: Int, Sendable {
    case unspecified
    case back
    case front
  }
  public struct DeviceType: RawRepresentable, Hashable, Sendable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public static let builtInWideAngleCamera = DeviceType(rawValue: "AVCaptureDeviceTypeBuiltInWideAngleCamera")
  }
  public var position: Position { fatalError() }
  public class func authorizationStatus(for mediaType: AVMediaType) -> AVAuthorizationStatus { fatalError() }
  public class func requestAccess(for mediaType: AVMediaType) async -> Bool { fatalError() }
  public class func `default`(
    _ deviceType: DeviceType, for mediaType: AVMediaType?, position: Position
  ) -> AVCaptureDevice? { fatalError() }

  @available(iOS 17.0, macOS 14.0, *)
  public class RotationCoordinator: NSObject {
    public init(device: AVCaptureDevice, previewLayer: CALayer?) {}
    public var videoRotationAngleForHorizonLevelPreview: CGFloat { fatalError() }
    public var videoRotationAngleForHorizonLevelCapture: CGFloat { fatalError() }
  }
}

public class AVCaptureInput: NSObject {}
public class AVCaptureDeviceInput: AVCaptureInput {
  public init(device: AVCaptureDevice) throws {}
  public var device: AVCaptureDevice { fatalError() }
}
public class AVCaptureOutput: NSObject {
  public func connection(with mediaType: AVMediaType) -> AVCaptureConnection? { fatalError() }
}
public class AVCaptureConnection: NSObject {
  public var automaticallyAdjustsVideoMirroring: Bool = true
  public var isVideoMirrored: Bool = false
  public var isVideoMirroringSupported: Bool { fatalError() }
  public var isVideoOrientationSupported: Bool { fatalError() }
  public var videoOrientation: AVCaptureVideoOrientation = .portrait
  @available(iOS 17.0, macOS 14.0, *)
  public var videoRotationAngle: CGFloat {
    get { fatalError() }
    set {}
  }
  @available(iOS 17.0, macOS 14.0, *)
  public func isVideoRotationAngleSupported(_ videoRotationAngle: CGFloat) -> Bool { fatalError() }
}
public class AVCaptureVideoDataOutput: AVCaptureOutput {
  public var alwaysDiscardsLateVideoFrames = true
  public func setSampleBufferDelegate(
    _ sampleBufferDelegate: (any AVCaptureVideoDataOutputSampleBufferDelegate)?, queue: DispatchQueue?
  ) {}
}
public protocol AVCaptureVideoDataOutputSampleBufferDelegate: NSObjectProtocol {
  func captureOutput(
    _ output: AVCaptureOutput, didOutput sampleBuffer: CMSampleBuffer, from connection: AVCaptureConnection)
}
public class AVCaptureSession: NSObject {
  public struct Preset: RawRepresentable, Hashable, Sendable {
    public let rawValue: String
    public init(rawValue: String) { self.rawValue = rawValue }
    public static let hd1280x720 = Preset(rawValue: "AVCaptureSessionPreset1280x720")
  }
  public static let runtimeErrorNotification = Notification.Name("AVCaptureSessionRuntimeErrorNotification")
  public var sessionPreset = Preset.hd1280x720
  public var isRunning: Bool { fatalError() }
  public var outputs: [AVCaptureOutput] { fatalError() }
  public func canSetSessionPreset(_ preset: Preset) -> Bool { fatalError() }
  public func beginConfiguration() {}
  public func commitConfiguration() {}
  public func canAddInput(_ input: AVCaptureInput) -> Bool { fatalError() }
  public func addInput(_ input: AVCaptureInput) {}
  public func removeInput(_ input: AVCaptureInput) {}
  public func canAddOutput(_ output: AVCaptureOutput) -> Bool { fatalError() }
  public func addOutput(_ output: AVCaptureOutput) {}
  public func startRunning() {}
  public func stopRunning() {}
}
public class AVCaptureVideoPreviewLayer: CALayer {
  public var session: AVCaptureSession?
  public var videoGravity = AVLayerVideoGravity.resizeAspect
  public var connection: AVCaptureConnection? { fatalError() }
}
