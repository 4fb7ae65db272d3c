// SPDX-License-Identifier: Apache-2.0

// A stand-in; see CoreML.swift. CoreMedia's are here too.

@_exported import CoreVideo
@_exported import Foundation

public class CMSampleBuffer {}
public func CMSampleBufferGetImageBuffer(_ sampleBuffer: CMSampleBuffer) -> CVImageBuffer? { fatalError() }
public struct CMTime {
  public var seconds: Double { fatalError() }
}
public func CMSampleBufferGetPresentationTimeStamp(_ sampleBuffer: CMSampleBuffer) -> CMTime { fatalError() }
public class AVCaptureOutput: NSObject {}
public class AVCaptureConnection: NSObject {}
public protocol AVCaptureVideoDataOutputSampleBufferDelegate {
  func captureOutput(
    _ output: AVCaptureOutput, didOutput sampleBuffer: CMSampleBuffer, from connection: AVCaptureConnection)
}
