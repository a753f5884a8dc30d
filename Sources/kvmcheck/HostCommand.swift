import ArgumentParser
import Foundation
import Interchange
import Report

/// `kvmcheck host`: what this machine's KVM says of VM types and quirks.
struct HostCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "host", abstract: "Say what this machine's /dev/kvm says: VM types, quirks.",
    discussion: """
      Asks KVM_GET_API_VERSION and KVM_CHECK_EXTENSION and creates nothing. That there is no device, or that it may not be opened, is an \
      answer, not an error.
      """)

  @Option(help: "The form of results: text, json.")
  var format = RunOptions.Format.text

  @Option(name: .short, help: ArgumentHelp("Write results to a file instead of standard output.", valueName: "file"))
  var output: String?

  @Option(help: ArgumentHelp("The device to ask.", valueName: "path"))
  var device = "/dev/kvm"

  func run() throws {
    let console = try Console(path: output, quiet: true)
    let report = HostReport(device: device, answer: KVMDevice.ask(device))
    switch format {
    case .text: try console.write(report.text)
    case .json: try console.write(String(decoding: report.json.encoded(), as: UTF8.self))
    }
    try console.finish()
  }
}

/// The kernel's KVM device. Source: Linux 6.16 include/uapi/linux/kvm.h.
private enum KVMDevice {
  /// `_IO(KVMIO, 0x00)` and `_IO(KVMIO, 0x03)`.
  private static let getAPIVersion: UInt = 0xAE00
  private static let checkExtension: UInt = 0xAE03
  /// `KVM_CAP_VM_TYPES` and `KVM_CAP_DISABLE_QUIRKS2`.
  private static let vmTypes: Int32 = 235
  private static let disableQuirks2: Int32 = 213

  /// Opens the device, asks, and closes it.
  static func ask(_ path: String) -> HostReport.Answer {
    let file = open(path, O_RDWR | O_CLOEXEC)
    guard file >= 0 else {
      return [ENOENT, ENODEV, ENXIO].contains(errno) ? .absent : .refused(String(cString: strerror(errno)))
    }
    defer { close(file) }
    let version = ioctl(file, getAPIVersion, Int32(0))
    guard version >= 0 else {
      return .refused("KVM_GET_API_VERSION: " + String(cString: strerror(errno)))
    }
    return .answered(
      HostReport.Capabilities(
        apiVersion: Int(version), vmTypes: value(of: vmTypes, asked: file),
        quirks: value(of: disableQuirks2, asked: file)))
  }

  /// A capability's value. Nil: the kernel does not know it. A mask whose highest bit is set is a negative `int`, and so is an error;
  /// only `errno` tells them apart, and KVM_CHECK_EXTENSION has no errors but of its arguments.
  private static func value(of capability: Int32, asked file: Int32) -> UInt32? {
    let value = ioctl(file, checkExtension, capability)
    return value == 0 || value == -1 ? nil : UInt32(bitPattern: value)
  }
}
