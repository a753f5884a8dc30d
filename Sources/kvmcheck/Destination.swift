import Foundation

/// A place for a file that appears complete or not at all.
///
/// A new or regular file is written beside its place, flushed to the disk and renamed into it, so that nobody ever reads half of
/// it and a failure leaves what was there. A device or pipe has no such place and is written as it is.
struct Destination: Sendable {
  /// As the user wrote it, for messages.
  private let path: String
  /// Symbolic links resolved.
  private let target: String
  private let kind: Kind

  /// How the bytes get there.
  private enum Kind: Sendable {
    case renamed
    case inPlace
  }

  /// Looks whether the place can be written, and leaves nothing there. Throws: it cannot.
  init(path: String) throws(ConsoleError) {
    self.path = path
    var status = stat()
    if stat(path, &status) == 0 {
      let format = status.st_mode & S_IFMT
      if format == S_IFDIR { throw ConsoleError(destination: path, reason: "is a folder, expected a file") }
      guard access(path, W_OK) == 0 else { throw ConsoleError(path, errno: errno) }
      kind = format == S_IFREG ? .renamed : .inPlace
      target = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    } else {
      guard errno == ENOENT, !path.isEmpty, !path.hasSuffix("/") else { throw ConsoleError(path, errno: errno) }
      (target, kind) = (path, .renamed)
    }
    if kind == .renamed { try probe() }
  }

  /// Writes everything. Throws: the place takes it no more.
  func write(_ bytes: [UInt8]) throws(ConsoleError) {
    switch kind {
    case .inPlace:
      let file = open(target, O_WRONLY | O_CLOEXEC)
      guard file >= 0 else { throw ConsoleError(path, errno: errno) }
      defer { close(file) }
      try write(bytes, to: file)
    case .renamed:
      let part = neighbour
      do throws(ConsoleError) {
        try write(bytes, toNew: part)
        guard rename(part, target) == 0 else { throw ConsoleError(path, errno: errno) }
      } catch {
        unlink(part)
        throw error
      }
    }
  }

  /// Makes a neighbour and takes it away again.
  private func probe() throws(ConsoleError) {
    let part = neighbour
    defer { unlink(part) }
    try write([], toNew: part)
  }

  /// A name of nobody's in the same folder.
  private var neighbour: String {
    let folder = (target as NSString).deletingLastPathComponent
    return (folder.isEmpty ? "." : folder) + "/.kvmcheck-\(UUID().uuidString)"
  }

  /// Makes a file with these bytes, on the disk.
  private func write(_ bytes: [UInt8], toNew name: String) throws(ConsoleError) {
    let file = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard file >= 0 else { throw ConsoleError(path, errno: errno) }
    defer { close(file) }
    try write(bytes, to: file)
    guard fsync(file) == 0 else { throw ConsoleError(path, errno: errno) }
  }

  /// Writes in as many calls as the kernel needs.
  private func write(_ bytes: [UInt8], to file: Int32) throws(ConsoleError) {
    var offset = 0
    while offset < bytes.count {
      let written = bytes[offset...].withUnsafeBytes { Foundation.write(file, $0.baseAddress, $0.count) }
      if written >= 0 {
        offset += written
      } else if errno != EINTR {
        throw ConsoleError(path, errno: errno)
      }
    }
  }
}

/// Why something could not be written.
struct ConsoleError: Error, CustomStringConvertible {
  let destination: String
  let reason: String

  init(destination: String, reason: String) {
    self.destination = destination
    self.reason = reason
  }

  /// With the kernel's own words.
  init(_ destination: String, errno number: Int32) {
    self.init(destination: destination, reason: String(cString: strerror(number)))
  }

  var description: String { "cannot write \(destination): \(reason)" }
}
