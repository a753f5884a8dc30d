import Foundation

/// Standard output and standard error: results on one, progress and diagnostics on the other.
///
/// A broken pipe ends quietly; a full disk is reported. Colour and progress appear only on a terminal; NO_COLOR is obeyed.
struct Console: Sendable {
  /// Whether results may carry ANSI colours.
  let resultsAreColoured: Bool
  /// Whether progress is shown.
  let showsProgress: Bool
  /// Where results go: nil means standard output.
  let file: ResultFile?

  /// `path` is the value of `-o`; quiet switches progress off.
  init(path: String?, quiet: Bool) {
    let environment = ProcessInfo.processInfo.environment
    let plain = environment["NO_COLOR"].map { !$0.isEmpty } ?? false || environment["TERM"] == "dumb"
    resultsAreColoured = path == nil && !plain && isatty(STDOUT_FILENO) == 1
    showsProgress = !quiet && isatty(STDERR_FILENO) == 1
    file = path.map(ResultFile.init(path:))
  }

  /// Writes results. Throws: the destination cannot be written; a broken pipe ends the process quietly instead.
  func write(_ text: String) throws(ConsoleError) { try write(Array(text.utf8)) }

  /// Writes results that need not be text.
  func write(_ bytes: [UInt8]) throws(ConsoleError) {
    if let file { file.append(bytes) } else { try Self.write(bytes, to: STDOUT_FILENO, name: "standard output") }
  }

  /// Completes `-o FILE` by an atomic rename; does nothing for standard output.
  func finish() throws(ConsoleError) {
    try file?.commit()
  }

  /// A line on standard error that stays: a diagnostic or a warning.
  func diagnose(_ text: String) {
    clearProgress()
    say(text.hasSuffix("\n") ? text : text + "\n")
  }

  /// A line on standard error that the next one replaces.
  func progress(_ text: String) {
    guard showsProgress else { return }
    say("\r\u{1B}[K" + text.prefix(118))
  }

  /// Removes the progress line.
  func clearProgress() {
    guard showsProgress else { return }
    say("\r\u{1B}[K")
  }

  /// Writes to standard error. If that fails there is nobody left to tell.
  private func say(_ text: String) {
    do { try Self.write(Array(text.utf8), to: STDERR_FILENO, name: "standard error") } catch { return }
  }

  /// Writes everything, in as many calls as the kernel needs.
  private static func write(_ bytes: [UInt8], to descriptor: Int32, name: String) throws(ConsoleError) {
    var offset = 0
    while offset < bytes.count {
      let written = bytes[offset...].withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if written >= 0 {
        offset += written
      } else if errno == EPIPE {
        exit(0)
      } else if errno != EINTR {
        throw ConsoleError(destination: name, reason: String(cString: strerror(errno)))
      }
    }
  }
}

/// Why results could not be written.
struct ConsoleError: Error, CustomStringConvertible {
  let destination: String
  let reason: String

  var description: String { "cannot write \(destination): \(reason)" }
}

/// The file of `-o`: filled beside its place and renamed into it when complete, so that nobody ever reads half a result.
final class ResultFile: Sendable {
  private let path: String
  private let content = Accumulated()

  init(path: String) { self.path = path }

  func append(_ more: [UInt8]) { content.append(more) }

  /// Writes and renames. Throws: the file cannot be written; the old one then stays.
  func commit() throws(ConsoleError) {
    try AtomicFile.write(Data(content.value), to: path)
  }
}

/// Files that appear complete or not at all.
enum AtomicFile {
  /// Writes beside the destination, flushes to the disk and renames.
  static func write(_ data: Data, to path: String) throws(ConsoleError) {
    do {
      try data.write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      throw ConsoleError(destination: path, reason: (error as NSError).localizedDescription)
    }
  }
}
