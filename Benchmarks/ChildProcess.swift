import Foundation

/// Another program, run to its end or to a limit, and what it took.
struct ChildProcess {
  /// What a run took and said.
  struct Result {
    /// The exit code; nil if the program was stopped at the limit or ended by a signal.
    let status: Int32?
    /// From the start of the process to its end. Unit: seconds.
    let seconds: Double
    /// Its most resident memory. Unit: MiB. At least that of this process, from which it was started.
    let residentMiB: Int
    /// Whether it was stopped at the limit.
    let isStopped: Bool
    /// Standard output and standard error.
    let output: String
  }

  /// How often a running program is looked at. Unit: microseconds.
  private static let interval: UInt32 = 500

  /// The program's path.
  let path: String

  /// A program by its path or, without a slash, by its name in PATH; nil if there is none.
  init?(_ name: String) {
    let folders = name.contains("/") ? [] : (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    let candidates = name.contains("/") ? [name] : folders.map { "\($0)/\(name)" }
    guard let found = candidates.first(where: { FileManager.default.isExecutableFile(atPath: $0) }) else { return nil }
    path = found
  }

  /// Runs the program; it is killed when `limit` seconds are over. Throws: if it cannot be started.
  func run(_ arguments: [String], limit: Double) throws -> Result {
    let log = FileManager.default.temporaryDirectory.appending(path: "benchmark-\(UUID().uuidString).log")
    defer { try? FileManager.default.removeItem(at: log) }
    let start = ContinuousClock.now
    let child = try spawn(arguments, log.path)
    var status: Int32 = 0
    var usage = rusage()
    var isStopped = false
    while wait4(child, &status, WNOHANG, &usage) == 0 {
      if !isStopped, (ContinuousClock.now - start) > .seconds(limit) {
        isStopped = true
        kill(child, SIGKILL)
      }
      usleep(Self.interval)
    }
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    let hasExited = status & 0x7F == 0
    return Result(
      status: hasExited && !isStopped ? (status >> 8) & 0xFF : nil, seconds: seconds,
      residentMiB: usage.ru_maxrss >> 10, isStopped: isStopped,
      output: String(decoding: try Data(contentsOf: log), as: UTF8.self))
  }

  /// Starts the program with both outputs going to the file `log`. Returns: its process number.
  private func spawn(_ arguments: [String], _ log: String) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
    var words: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) }
    defer { for word in words { free(word) } }
    words.append(nil)
    var child = pid_t()
    let error = posix_spawn(&child, path, &actions, nil, words, environ)
    guard error == 0 else { throw BenchmarkError("\(path): \(String(cString: strerror(error)))") }
    return child
  }
}

/// Why a benchmark cannot be run.
struct BenchmarkError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
