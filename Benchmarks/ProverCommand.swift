import Foundation

/// `Benchmarks provers [--peer-limit SECONDS] [--systems NAME,NAME] [--kvmcheck PATH] [--note TEXT] [--output FILE]`, from the
/// repository's root: prints the table line by line, and stores it.
enum ProverCommand {
  /// Runs the comparison. Throws: at a usage error, or where a program's answer is not what it should be.
  static func run(_ arguments: [String]) throws {
    let options = try options(arguments)
    guard let peerLimit = Double(options["--peer-limit"] ?? "900"), peerLimit > 0 else {
      throw BenchmarkError("--peer-limit: expected seconds")
    }
    let beside = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent().appending(path: "kvmcheck").path
    var comparison = try ProverComparison(kvmcheck: options["--kvmcheck"] ?? beside, peerLimit: peerLimit)
    for name in comparison.missing { print("\(name) is not in PATH: its columns stay empty") }
    let names = options["--systems"]?.split(separator: ",").map(String.init)
    let systems = ProverSystem.all.filter { names?.contains($0.name) ?? true }
    if systems.isEmpty { throw BenchmarkError("--systems: " + ProverSystem.all.map(\.name).joined(separator: ", ")) }
    print(ProverRow.heading)
    var rows: [ProverRow] = []
    for system in systems {
      rows += try comparison.measure(system) { row in
        print(row.line)
        fflush(nil)
      }
      if let output = options["--output"] {
        try ProverReport(rows, peerLimit: peerLimit, note: options["--note"] ?? "").write(to: output)
      }
    }
  }

  /// Options by name. Throws: at an unknown one, or one without a value.
  private static func options(_ arguments: [String]) throws -> [String: String] {
    let known = ["--peer-limit", "--systems", "--kvmcheck", "--note", "--output"]
    var result: [String: String] = [:]
    var rest = arguments[...]
    while let name = rest.popFirst() {
      guard known.contains(name) else { throw BenchmarkError("\(name): expected one of \(known)") }
      guard let value = rest.popFirst() else { throw BenchmarkError("\(name): expected a value") }
      result[name] = value
    }
    return result
  }
}
