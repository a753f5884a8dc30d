package import Foundation

/// Runs a model through rumur, the independent explicit-state checker that Debian ships: generate C, compile, run.
///
/// Without symmetry reduction and with one thread, so that its order of search is exact and counts compare with ours.
package struct RumurRunner {
  /// What rumur's verifier said.
  package struct Result: Hashable, Sendable {
    package let states: Int
    package let rulesFired: Int
    /// Errors found; rumur stops at the first.
    package let errors: Int
    /// The first error's message; nil if there is none.
    package let message: String?
    /// How often each cover was hit, in the order of rumur's report.
    package let covers: [Int]
    /// All that it printed.
    package let output: String
  }

  /// Why there is no result.
  package enum Failure: Error, Hashable {
    case toolFailed(String, output: String)
    case unreadable(output: String)
  }

  /// Options for rumur beside those above, and the optimisation of the C compiler: 0 compiles fastest, 2 runs fastest.
  package var options: [String] = []
  package var optimisation = 0

  package init(options: [String] = [], optimisation: Int = 0) {
    self.options = options
    self.optimisation = optimisation
  }

  /// Checks the text of a model.
  ///
  /// Throws: `Failure` if rumur or the compiler refuses it, or the output is not as expected.
  package func check(_ text: String) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(path: "kvmcheck-rumur-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try text.write(to: folder.appending(path: "model.m"), atomically: true, encoding: .utf8)
    let generate = ["rumur", "--symmetry-reduction=off", "--threads=1", "--output", "model.c", "model.m"]
    let compile = [
      "cc", "-O\(optimisation)", "-w", "-std=c11", "model.c", "-lpthread", "-mcx16", "-latomic", "-o", "model",
    ]
    try succeed(generate + options, in: folder)
    try succeed(compile, in: folder)
    return try parse(run(["./model"], in: folder).output)
  }

  /// Checks a file.
  package func check(file: URL) throws -> Result { try check(String(contentsOf: file, encoding: .utf8)) }

  /// Runs a command that must succeed.
  private func succeed(_ command: [String], in folder: URL) throws {
    let (status, output) = try run(command, in: folder)
    guard status == 0 else { throw Failure.toolFailed(command.joined(separator: " "), output: output) }
  }

  /// Runs a command; its output goes through a file, so that no pipe can fill up.
  private func run(_ command: [String], in folder: URL) throws -> (status: Int32, output: String) {
    let log = folder.appending(path: "log")
    try Data().write(to: log)
    let handle = try FileHandle(forWritingTo: log)
    defer { try? handle.close() }
    let process = Process()
    // A verifier of many scalarsets would fill the disk: a gigabyte is enough for any file.
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = ["-c", "ulimit -f 2097152; exec \"$@\"", "sh"] + command
    process.currentDirectoryURL = folder
    process.standardOutput = handle
    process.standardError = handle
    try process.run()
    process.waitUntilExit()
    return (process.terminationStatus, try String(contentsOf: log, encoding: .utf8))
  }

  /// Reads the verifier's text.
  private func parse(_ output: String) throws -> Result {
    let lines = output.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
    guard let summary = lines.last(where: { $0.contains("rules fired in") }),
      let counts = summary.wholeMatch(of: /(\d+) states, (\d+) rules fired in .*/),
      let states = Int(counts.1), let rulesFired = Int(counts.2)
    else { throw Failure.unreadable(output: output) }
    let errors = lines.compactMap { $0.wholeMatch(of: /(\d+) error\(s\) found\./) }.compactMap { Int($0.1) }.first ?? 0
    let header = lines.firstIndex { $0.hasPrefix("The following is the error trace") }
    let message = header.flatMap { lines.indices.contains($0 + 1) ? lines[$0 + 1] : nil }
    let covers = lines.compactMap { $0.wholeMatch(of: /cover ".*" hit (\d+) times/) }.compactMap { Int($0.1) }
    return Result(
      states: states, rulesFired: rulesFired, errors: errors, message: message, covers: covers, output: output)
  }
}
