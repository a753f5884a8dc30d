import Foundation

/// kvmcheck's PDR and BMC against other provers on kvmcheck's own exports of the same systems.
///
/// - `berkeley-abc`'s `pdr` and `bmc3` on the AIGER file, Z3's Spacer on the Horn clauses of the same circuit, all as whole
///   processes; kvmcheck's time holds parsing, the proof for every size and its confirmation by a fresh solver, too, while
///   what the export takes is not counted against the others.
/// - kvmcheck is run three times (once where that takes longer than ten seconds), the median counts. A peer that is stopped at the limit counts with the limit, and is not asked
///   about larger sizes of the system: these count with the limit as well.
/// - BMC and `bmc3` look at the same transitions; kvmcheck's BMC is stopped as the peers are.
/// - One process at a time. A peer that is not in PATH is left out and said.
struct ProverComparison {
  /// How many transitions bounded search looks ahead.
  private static let depth = 14
  /// Odd, for the median.
  private static let runs = 3
  /// From here on one run has to do. Unit: seconds.
  private static let longRun = 10.0
  /// How long kvmcheck may take. Unit: seconds.
  private static let ownLimit = 900.0

  private let kvmcheck: ChildProcess
  private let abc: ChildProcess?
  private let z3: ChildProcess?
  /// Unit: seconds.
  private let peerLimit: Double
  private let folder: URL
  /// Peers, by name, that were stopped on the system at hand.
  private var stopped: Set<String> = []

  /// Throws: if there is no kvmcheck at the path.
  init(kvmcheck path: String, peerLimit: Double) throws {
    guard let kvmcheck = ChildProcess(path) else {
      throw BenchmarkError("\(path): no such program; build it by `swift build -c release --product kvmcheck`")
    }
    self.kvmcheck = kvmcheck
    self.peerLimit = peerLimit
    abc = ChildProcess("berkeley-abc")
    z3 = ChildProcess("z3")
    folder = FileManager.default.temporaryDirectory.appending(path: "provers-\(UUID().uuidString)")
  }

  /// What is not in PATH.
  var missing: [String] { (abc == nil ? ["berkeley-abc"] : []) + (z3 == nil ? ["z3"] : []) }

  /// Measures one system at all its sizes; each row is reported as soon as it is there.
  mutating func measure(_ system: ProverSystem, report: (ProverRow) -> Void) throws -> [ProverRow] {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    stopped = []
    return try system.sizes.map { size in
      let row = try measure(system, size)
      report(row)
      return row
    }
  }

  /// All runs at one size.
  private mutating func measure(_ system: ProverSystem, _ size: ProverSystem.Size) throws -> ProverRow {
    let model = [system.file] + system.options(size)
    var row = ProverRow(system: system.name, size: size.values)
    let command = ["prove", "invariants"] + model + ["--deadlock", "off", "--quiet"]
    row.pdr = try own(command + ["--engine", "pdr"], limit: Self.ownLimit)
    if size.hasBoundedSearch { row.bmc = try bounded(command + ["--engine", "bmc", "--depth", "\(Self.depth)"]) }
    guard size.hasPeers else { return row }
    if let abc, let circuit = try export("aiger", model) {
      let frames = Self.depth + 1 + (try offset(of: circuit))
      let reading = "read_aiger \(circuit.path)"
      row.abcPDR = try peer("abc pdr", abc, ["-c", "\(reading); pdr"]) { $0.contains("Property proved") }
      if size.hasBoundedSearch {
        row.abcBMC = try peer("abc bmc3", abc, ["-c", "\(reading); bmc3 -F \(frames)"]) { text in
          text.contains("No output asserted") || text.contains("Explored all reachable states")
        }
      }
    }
    if let z3, let clauses = try export("horn", model) {
      row.spacer = try peer("spacer", z3, ["fp.engine=spacer", clauses.path]) { $0.hasPrefix("sat") }
    }
    return row
  }

  /// kvmcheck, several times. Returns: the median of the times, the most memory, and what was found, by verdict.
  private func own(_ arguments: [String], limit: Double) throws -> ProverRow.Run {
    var results = [try kvmcheck.run(arguments, limit: limit)]
    while results.count < Self.runs, results[0].seconds < Self.longRun {
      results.append(try kvmcheck.run(arguments, limit: limit))
    }
    return ProverRow.Run(
      seconds: results.map(\.seconds).sorted()[results.count / 2],
      residentMiB: results.map(\.residentMiB).max() ?? 0, isStopped: results.contains { $0.isStopped },
      answer: Self.verdicts(results[0].output))
  }

  /// kvmcheck's BMC, unless it was stopped on a smaller size.
  private mutating func bounded(_ arguments: [String]) throws -> ProverRow.Run {
    if stopped.contains("bmc") { return ProverRow.Run(seconds: peerLimit, isStopped: true, answer: "not run") }
    let run = try own(arguments, limit: peerLimit)
    if run.isStopped { stopped.insert("bmc") }
    return run
  }

  /// How many rows of a report have which verdict.
  private static func verdicts(_ report: String) -> String {
    let known = ["proved-any-size", "proved", "bounded", "limit", "unknown", "violated", "vacuous", "contradiction"]
    var counts: [String: Int] = [:]
    for line in report.split(separator: "\n") where line.hasPrefix("  ") {
      guard let verdict = line.split(separator: " ").first.map(String.init), known.contains(verdict) else { continue }
      counts[verdict, default: 0] += 1
    }
    return counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
  }

  /// A peer's run; the limit, unrun, if it was stopped on a smaller size. Throws: if it ends without the expected answer.
  private mutating func peer(
    _ name: String, _ program: ChildProcess, _ arguments: [String], isExpected: (String) -> Bool
  ) throws -> ProverRow.Run {
    if stopped.contains(name) { return ProverRow.Run(seconds: peerLimit, isStopped: true, answer: "not run") }
    let result = try program.run(arguments, limit: peerLimit)
    if result.isStopped {
      stopped.insert(name)
      return ProverRow.Run(seconds: peerLimit, residentMiB: result.residentMiB, isStopped: true, answer: "stopped")
    }
    guard isExpected(result.output) else {
      throw BenchmarkError("\(name) \(arguments.joined(separator: " ")): unexpected answer\n\(result.output)")
    }
    return ProverRow.Run(seconds: result.seconds, residentMiB: result.residentMiB, answer: "proved")
  }

  /// The model in another format; nil if kvmcheck does not write it within the peers' limit.
  private func export(_ format: String, _ model: [String]) throws -> URL? {
    let file = folder.appending(path: "system.\(format == "aiger" ? "aig" : "smt2")")
    let result = try kvmcheck.run(["export"] + model + ["--to", format, "-o", file.path], limit: peerLimit)
    if result.isStopped { return nil }
    guard result.status == 0 else { throw BenchmarkError("kvmcheck export: \(result.output)") }
    return file
  }

  /// How many ticks of the circuit choose a start state: its first comment says so.
  private func offset(of circuit: URL) throws -> Int {
    let bytes = try Data(contentsOf: circuit)
    return bytes.range(of: Data("depth: offset 1".utf8)) == nil ? 0 : 1
  }
}
