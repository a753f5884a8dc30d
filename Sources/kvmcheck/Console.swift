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

  /// For commands without `-o`, progress and colour.
  init() {
    (resultsAreColoured, showsProgress, file) = (false, false, nil)
  }

  /// `path` is the value of `-o`; quiet switches progress off. Throws: nothing can be written there.
  init(path: String?, quiet: Bool) throws(UsageError) {
    let environment = ProcessInfo.processInfo.environment
    let plain = environment["NO_COLOR"].map { !$0.isEmpty } ?? false || environment["TERM"] == "dumb"
    resultsAreColoured = path == nil && !plain && isatty(STDOUT_FILENO) == 1
    showsProgress = !quiet && isatty(STDERR_FILENO) == 1
    do throws(ConsoleError) {
      file = try path.map { (path) throws(ConsoleError) in try ResultFile(path: path) }
    } catch {
      throw UsageError("-o: \(error)")
    }
  }

  /// Writes results. Throws: the destination cannot be written; a broken pipe ends the process quietly instead.
  func write(_ text: String) throws(ConsoleError) { try write(Array(text.utf8)) }

  /// Writes results that need not be text.
  func write(_ bytes: [UInt8]) throws(ConsoleError) {
    if let file { file.append(bytes) } else { try Self.write(bytes, to: STDOUT_FILENO, name: "standard output") }
  }

  /// Completes `-o FILE`; does nothing for standard output. Where the file cannot be written after all, a full disk say, the
  /// results go to standard output instead: they may have taken hours. Throws: it could not.
  func finish() throws(ConsoleError) {
    guard let file else { return }
    do throws(ConsoleError) {
      try file.commit()
    } catch {
      try Self.write(file.contents, to: STDOUT_FILENO, name: "standard output")
      throw ConsoleError(
        destination: error.destination, reason: error.reason + "; the results are on standard output instead")
    }
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
        throw ConsoleError(name, errno: errno)
      }
    }
  }
}

/// The results that go to the file of `-o`, kept until they are complete.
final class ResultFile: Sendable {
  private let destination: Destination
  private let content = Accumulated()

  /// Throws: nothing can be written there.
  init(path: String) throws(ConsoleError) { destination = try Destination(path: path) }

  /// Everything so far.
  var contents: [UInt8] { content.value }

  func append(_ more: [UInt8]) { content.append(more) }

  /// Writes the file. Throws: it cannot be written any more; the old one then stays.
  func commit() throws(ConsoleError) { try destination.write(contents) }
}
