package import Foundation

/// Another checker or solver that Debian ships, run as a child in a folder of its own.
package struct PeerTool: Sendable {
  /// Why there is no answer.
  package enum Failure: Error, CustomStringConvertible {
    case notInstalled(String)
    case failed(command: String, output: String)
    case unreadable(String)

    package var description: String {
      switch self {
      case .notInstalled(let name):
        "\(name) is not installed; README's second command installs it (apt-get install -y \(name))"
      case .failed(let command, let output): "\(command) failed: \(output)"
      case .unreadable(let output): "an answer that nobody expected: \(output)"
      }
    }
  }

  /// The program's name, which is its package's as well.
  let name: String

  /// A program of the search path. Throws: it is not there.
  package init(_ name: String) throws(Failure) {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
    guard folders.contains(where: { FileManager.default.isExecutableFile(atPath: "\($0)/\(name)") }) else {
      throw .notInstalled(name)
    }
    self.name = name
  }

  /// What came of a run.
  package struct Result: Sendable {
    package let status: Int32
    /// Both streams.
    package let output: String
    /// The files asked for, by name, as far as they exist.
    package let files: [String: String]
  }

  /// Runs to the end among files; output goes through a file, so that no pipe can fill up.
  package func run(
    _ arguments: [String], with files: [String: Data] = [:], returning names: [String] = []
  ) throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(path: "kvmcheck-peer-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for (name, data) in files { try data.write(to: folder.appending(path: name)) }
    let log = folder.appending(path: "log")
    try Data().write(to: log)
    let handle = try FileHandle(forWritingTo: log)
    defer { try? handle.close() }
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [name] + arguments
    process.currentDirectoryURL = folder
    process.standardOutput = handle
    process.standardError = handle
    try process.run()
    process.waitUntilExit()
    var results: [String: String] = [:]
    for name in names {
      if let data = FileManager.default.contents(atPath: folder.appending(path: name).path) {
        results[name] = String(decoding: data, as: UTF8.self)
      }
    }
    let output = String(decoding: FileManager.default.contents(atPath: log.path) ?? Data(), as: UTF8.self)
    return Result(status: process.terminationStatus, output: output, files: results)
  }
}

/// berkeley-abc on an AIGER file with one bad output.
package struct BerkeleyABC: Sendable {
  /// What one of its engines says.
  package enum Answer: Hashable, Sendable {
    /// Bad at this time and, by `bmc3`, not before.
    case asserted(time: Int)
    case proved
    /// Nothing up to the bound.
    case undecided
  }

  private let tool: PeerTool

  package init() throws { tool = try PeerTool("berkeley-abc") }

  /// What `command` (`pdr`, `bmc3 -F 10`) says, and its counterexample as `write_cex -a` writes it.
  package func ask(_ command: String, about file: [UInt8]) throws -> (answer: Answer, witness: String?) {
    let result = try tool.run(
      ["-c", "read_aiger m.aig; \(command); write_cex -a witness"], with: ["m.aig": Data(file)],
      returning: ["witness"])
    if let match = result.output.firstMatch(of: /asserted in frame (\d+)/), let time = Int(match.1) {
      return (.asserted(time: time), result.files["witness"])
    }
    if result.output.contains("Property proved") { return (.proved, nil) }
    if result.output.contains("No output asserted") { return (.undecided, nil) }
    if result.output.contains("Explored all reachable states") { return (.proved, nil) }
    throw PeerTool.Failure.unreadable(result.output)
  }
}

/// An SMT solver on a script.
package struct SMTSolver: Sendable, CustomStringConvertible {
  package let name: String
  private let tool: PeerTool

  package var description: String { name }

  /// Both that the tests use.
  package static func all() throws -> [SMTSolver] { [try SMTSolver("z3"), try SMTSolver("cvc5")] }

  package init(_ name: String) throws {
    self.name = name
    tool = try PeerTool(name)
  }

  /// Each line that it answers: `sat`, `unsat`, and what the script echoes.
  package func answers(to script: String) throws -> [String] {
    let options = name == "cvc5" ? ["--incremental"] : []
    let result = try tool.run(options + ["m.smt2"], with: ["m.smt2": Data(script.utf8)])
    let lines = result.output.split(separator: "\n").map(String.init)
    guard result.status == 0, !lines.contains(where: { $0.hasPrefix("(error") }) else {
      throw PeerTool.Failure.failed(command: name, output: result.output)
    }
    return lines
  }
}
