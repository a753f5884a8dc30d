import ArgumentParser
import Foundation
import Interchange
import KernelTraces
import MMUEngine

/// `kvmcheck trace`: a real kernel's ftrace text.
struct TraceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trace", abstract: "Hold a real kernel's trace against the engine, or check it for itself.",
    subcommands: [TraceReplayCommand.self, TraceCheckCommand.self])
}

/// The kernel of a trace, as `--kernel` names it.
struct KernelArgument: ExpressibleByArgument {
  let kernel: KernelVersion

  init?(argument: String) {
    guard let kernel = KernelVersion.traced.first(where: { $0.name == argument }) else { return nil }
    self.kernel = kernel
  }
}

extension RawEvents {
  /// What the summary says of them.
  var text: String {
    "  \(count) events, the first in line \(line), decoded from their fields: they came without text"
  }
}

extension Console {
  /// Warns of bytes of a trace's file that were left out.
  func warn(garbage: Int, in file: String) {
    guard garbage > 0 else { return }
    diagnose("\(file): warning: \(garbage) bytes behind the end of the gzip stream: trailing garbage ignored")
  }
}

/// `kvmcheck trace replay FILE`.
struct TraceReplayCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "replay", abstract: "Run the engine on what a trace shows going in and compare what comes out.",
    discussion: "FILE is ftrace text, trace-cmd report or perf script output, plain or gzip; - is standard input.")

  @ArgumentParser.Argument(help: ArgumentHelp("The trace.", valueName: "file"))
  var file: String

  @Option(help: "The kernel: 6.12, 6.12-prove, 7.3 (default: inferred from the trace).")
  var kernel: KernelArgument?

  @Option(help: "The form of results: text, json.")
  var format = RunOptions.Format.text

  @Option(name: .short, help: ArgumentHelp("Write results to a file instead of standard output.", valueName: "file"))
  var output: String?

  func run() async throws {
    let console = try Console(path: output, quiet: true)
    let report: ReplayReport
    let (path, version) = (file, kernel?.kernel)
    do {
      report = try await StopSwitch().running(timeout: nil, memory: nil) {
        try Conformance.replay(path: path, kernel: version)
      }
    } catch {
      console.diagnose("\(file): \(error)")
      throw ExitCode.rejected
    }
    console.warn(garbage: report.garbage, in: file)
    switch format {
    case .text: try console.write(Self.text(report, file))
    case .json: try console.write(String(decoding: Self.json(report).encoded(), as: UTF8.self))
    }
    try console.finish()
    if !report.isConformant { throw ExitCode.contradiction }
    if report.isStopped { throw ExitCode.limit }
    if report.isVacuous { throw ExitCode.vacuous }
  }

  private static func text(_ report: ReplayReport, _ file: String) -> String {
    var lines = ["\(file): \(report.lines) lines, kernel \(report.kernel.name), \(report.format.vendor.rawValue)"]
    if report.isAmbiguous {
      lines.append("  several kernels fit; taken as \(report.kernel.name) (--kernel says otherwise)")
    }
    lines.append("  stimuli: " + report.stimuli.map { "\($0.name) \($0.count)" }.joined(separator: ", "))
    let share = report.kvmmmu == 0 ? 100 : Double(report.compared) * 100 / Double(report.kvmmmu)
    lines.append(
      "  kvmmmu events \(report.kvmmmu), compared \(report.compared) (\(String(format: "%.1f", share)) %), "
        + "matched \(report.matched)")
    for (rule, count) in report.allowed.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      lines.append("  allowed \(rule.rawValue): \(count)")
    }
    if !report.ignored.isEmpty {
      lines.append("  not compared: " + report.ignored.map { "\($0.name) \($0.count)" }.joined(separator: ", "))
    }
    lines += report.untold.map { "  not told by the trace: \($0)" }
    lines += report.checks.map { "  check of the engine: \($0.name): \($0.detail)" }
    if let difference = report.difference { lines += text(difference) }
    if let raw = report.raw { lines.append(raw.text) }
    if report.isStopped { lines.append("  stopped behind line \(report.lines): the rest was not read") }
    if report.isLastCutOff { lines.append("  the last line has no end: the trace may be cut off in it") }
    if report.isConformant {
      lines.append(
        report.isVacuous
          ? "  nothing was compared: the trace has no event of the group kvmmmu"
          : "  the engine does what the trace shows")
    } else {
      lines.append("  the engine differs")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func text(_ difference: Difference) -> [String] {
    ["  first difference, line \(difference.line): \(difference.reason)", "    trace"]
      + difference.traceSide.map { "      \($0)" } + ["    engine"] + difference.engineSide.map { "      \($0)" }
      + ["    page tables"] + difference.path.map { "      \($0)" }
      + ["    engine's micro-steps: " + (difference.steps.isEmpty ? "none" : difference.steps.joined(separator: " > "))]
  }

  private static func json(_ report: ReplayReport) -> JSON {
    .object([
      "schema": .string("kvmcheck/1"), "kernel": .string(report.kernel.name), "kvmmmu": .integer(report.kvmmmu),
      "compared": .integer(report.compared), "matched": .integer(report.matched),
      "allowed": .object(
        JSON.Members(report.allowed.map { ($0.key.rawValue, JSON.integer($0.value)) }.sorted { $0.0 < $1.0 })),
      "ignored": .object(JSON.Members(report.ignored.map { ($0.name, JSON.integer($0.count)) })),
      "ok": .boolean(report.isConformant && !report.isVacuous && !report.isStopped),
      "firstDifference": report.difference.map { difference in
        .object([
          "line": .integer(difference.line), "reason": .string(difference.reason),
          "trace": .array(difference.traceSide.map(JSON.string)),
          "engine": .array(difference.engineSide.map(JSON.string)),
          "path": .array(difference.path.map(JSON.string)), "steps": .array(difference.steps.map(JSON.string)),
        ])
      } ?? .null,
    ])
  }
}
