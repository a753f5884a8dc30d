import ArgumentParser
import Foundation
import Interchange
import KernelTraces
import MMUEngine

/// `kvmcheck trace check FILE`.
struct TraceCheckCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Check what any trace of its kernel satisfies; needs no stimuli.",
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
    let report: TraceCheckReport
    let (path, version) = (file, kernel?.kernel)
    do {
      report = try await StopSwitch().running(timeout: nil, memory: nil) {
        try Conformance.check(path: path, kernel: version)
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
    if !report.isClean { throw ExitCode.violated }
    if report.isStopped { throw ExitCode.limit }
    if report.isVacuous { throw ExitCode.vacuous }
  }

  private static func text(_ report: TraceCheckReport, _ file: String) -> String {
    var lines = ["\(file): \(report.lines) lines, \(report.events) kvmmmu events, kernel \(report.kernel.name)"]
    if report.isAmbiguous { lines.append("  several kernels fit; taken as \(report.kernel.name)") }
    if let adoption = report.adoption { lines += text(adoption) }
    for rule in TraceRule.allCases {
      if let blocked = report.notCheckable.first(where: { $0.rule == rule }) {
        lines.append("  not checkable in this trace: \(rule.rawValue) (\(blocked.reason))")
      } else {
        lines.append("  \(rule.rawValue): \(report.applied[rule] ?? 0) times")
      }
    }
    lines += report.violations.map { "  line \($0.line): violated: \($0.rule.rawValue): \($0.detail)" }
    if report.violationCount > report.violations.count {
      lines.append("  and \(report.violationCount - report.violations.count) more")
    }
    if report.cutOff > 0 {
      lines.append("  \(report.cutOff) events at the end not judged: another task may explain them behind it")
    }
    if let raw = report.raw { lines.append(raw.text) }
    if report.isStopped { lines.append("  stopped behind line \(report.lines): the rest was not read") }
    if report.isLastCutOff { lines.append("  the last line has no end: the trace may be cut off in it") }
    if report.isVacuous {
      lines.append("  nothing was checked: the trace has no event of the group kvmmmu")
    } else {
      lines.append(report.isClean ? "  no violation" : "  \(report.violationCount) violations")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  /// What a trace that begins while a VM is running does not show.
  private static func text(_ adoption: AdoptionReport) -> [String] {
    let trees = adoption.trees == 1 ? "one tree" : "\(adoption.trees) trees"
    let known = adoption.line.map { "a VM was running before the trace begins (line \($0))" }
    var lines = [
      "  \(known ?? "not everything fits the trees that the trace shows"); \(trees) taken to be there before it"
        + " in each address space:",
      "    \(adoption.tables) tables adopted, \(adoption.entries) entries' first old values taken as given; "
        + "what follows from them is judged, parents that no event shows are not",
    ]
    if adoption.unjudged > 0 {
      let reason = "in a zap from before the trace, or explained behind its end"
      lines.append("    \(adoption.unjudged) changes not judged: \(reason)")
    }
    return lines
  }

  private static func json(_ adoption: AdoptionReport?) -> JSON {
    guard let adoption else { return .null }
    return .object([
      "line": adoption.line.map { .integer($0) } ?? .null, "trees": .integer(adoption.trees),
      "tables": .integer(adoption.tables),
      "entries": .integer(adoption.entries), "unjudged": .integer(adoption.unjudged),
    ])
  }

  private static func json(_ report: TraceCheckReport) -> JSON {
    .object([
      "schema": .string("kvmcheck/1"), "kernel": .string(report.kernel.name), "kvmmmu": .integer(report.events),
      "rules": .array(
        TraceRule.allCases.map { rule in
          .object([
            "rule": .string(rule.rawValue), "applied": .integer(report.applied[rule] ?? 0),
            "checkable": .boolean(!report.notCheckable.contains { $0.rule == rule }),
          ])
        }),
      "adopted": json(report.adoption), "cutOff": .integer(report.cutOff),
      "violations": .array(
        report.violations.map {
          .object(["line": .integer($0.line), "rule": .string($0.rule.rawValue), "detail": .string($0.detail)])
        }),
      "ok": .boolean(report.isClean && !report.isVacuous && !report.isStopped),
    ])
  }
}
