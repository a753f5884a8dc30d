import Foundation

/// A line of the table: one system at one size.
struct ProverRow: Codable {
  /// A program's run.
  struct Run: Codable {
    /// Wall clock, the whole process; the limit if it was stopped. Unit: seconds.
    var seconds: Double
    /// The most resident memory. Unit: MiB.
    var residentMiB = 0
    var isStopped = false
    var answer: String
  }

  let system: String
  let size: [Int]
  var pdr: Run?
  var abcPDR: Run?
  var spacer: Run?
  var bmc: Run?
  var abcBMC: Run?

  init(system: String, size: [Int]) {
    self.system = system
    self.size = size
  }

  static let heading = """
    | system | size | kvmcheck `pdr` | | memory | abc `pdr` | | Spacer | | kvmcheck BMC 14 | abc `bmc3` | |
    |---|---|---|---|---|---|---|---|---|---|---|---|
    """

  /// The line in Markdown; behind each peer its time as a multiple of kvmcheck's (behind `bmc3` kvmcheck's as one of its).
  var line: String {
    let cells = [
      system, size.map(String.init).joined(separator: "·"), Self.text(pdr), pdr?.answer ?? "",
      pdr.map { "\($0.residentMiB) MiB" } ?? "", Self.text(abcPDR), Self.ratio(abcPDR, pdr), Self.text(spacer),
      Self.ratio(spacer, pdr), Self.text(bmc), Self.text(abcBMC), Self.ratio(bmc, abcBMC),
    ]
    return "| " + cells.joined(separator: " | ") + " |"
  }

  private static func text(_ run: Run?) -> String {
    guard let run else { return "–" }
    return (run.isStopped ? "≥ " : "") + String(format: run.seconds < 10 ? "%.2f s" : "%.0f s", run.seconds)
  }

  private static func ratio(_ run: Run?, _ base: Run?) -> String {
    guard let run, let base else { return "" }
    let ratio = run.seconds / base.seconds
    let format = ratio < 0.1 ? "× %.3f" : ratio < 10 ? "× %.1f" : "× %.0f"
    return (run.isStopped ? "≥ " : "") + String(format: format, ratio)
  }
}

/// A run of the comparison, as it is stored.
struct ProverReport: Codable {
  let date: String
  /// Processor, cores, and what else matters.
  let machine: String
  /// Unit: seconds.
  let peerLimit: Double
  let rows: [ProverRow]

  init(_ rows: [ProverRow], peerLimit: Double, note: String) {
    let processor =
      (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.split(separator: "\n")
      .first { $0.hasPrefix("model name") }?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) }
    let cores = ProcessInfo.processInfo.activeProcessorCount
    date = ISO8601DateFormatter().string(from: Date())
    machine = "\(processor ?? "unknown processor"), \(cores) cores" + (note.isEmpty ? "" : "; " + note)
    self.peerLimit = peerLimit
    self.rows = rows
  }

  /// Writes it as JSON.
  func write(to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try encoder.encode(self).write(to: URL(filePath: path))
  }
}
