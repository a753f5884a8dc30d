import ArgumentParser
import Diagnostics
import Execution
import ExplicitState
import Foundation
import Interchange
import Murphi
import Report
import TransitionSystems

/// `kvmcheck explore MODEL`: exhaustive search without any solver; counts that compare with rumur's.
struct ExploreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explore",
    abstract: "Search every reachable state: states, rules fired, diameter, deadlocks, how often each rule fired.",
    discussion: """
      Searches without symmetry and stops at the first violation, as rumur --symmetry-reduction=off does. With --symmetry one state of \
      each orbit is visited: of the states that renaming the values of scalarsets turns into one another. Scalarsets whose values the \
      model tells apart are left as they are, and said.
      """)

  @ArgumentParser.Argument(help: ArgumentHelp("A path, - or the bare name of a shipped model.", valueName: "model"))
  var model: String

  @Option(help: ArgumentHelp("The variant whose constants to use.", valueName: "name"))
  var variant: String?

  @Option(help: ArgumentHelp("Stop at a violation of this property only.", valueName: "property"))
  var only: String?

  @Flag(help: "Visit one state of each orbit; all counts are of orbits.")
  var symmetry = false

  @Option(help: ArgumentHelp("Write the counterexample there as ITF JSON.", valueName: "dir"))
  var traces: String?

  @OptionGroup var selection: InstanceOptions
  @OptionGroup var options: RunOptions
  @OptionGroup var idle: IdleDecisionOptions
  @OptionGroup var idleDepth: IdleDepthOption
  @OptionGroup var idleSeed: IdleSeedOption

  func run() async throws {
    let console = try Console(path: options.output, quiet: options.quiet)
    let warnings = idle.warnings(of: "explore") + idleDepth.warnings(of: "explore") + idleSeed.warnings(of: "explore")
    for warning in warnings { console.diagnose(warning) }
    let folder = try traces.map(TraceFolder.init(path:))
    let stop = StopSwitch()
    let start = ContinuousClock.now
    let session = InstanceSession(
      arguments: InstanceArguments(
        model: model, scope: selection.scope, variant: variant, overrides: selection.overrides, root: options.root),
      format: options.format, console: console, undecided: Exploration.undecided)
    let (instance, program) = try session.load()
    let property = try only.map { try Question.named($0, in: instance.model).property }
    let (memory, usesSymmetry) = (options.memory?.bytes, symmetry)
    let (report, symmetric) = try await stop.running(timeout: options.timeout, memory: memory) {
      let symmetric = usesSymmetry ? SymmetricScalarsets(of: instance.model) : SymmetricScalarsets()
      let budget = Budget(bytes: memory ?? .max)
      let report = ExplicitEngine(program).explore(within: budget, only: property, symmetry: symmetric.declarations)
      return (report, symmetric)
    }
    for line in symmetric.remarks { console.diagnose(line) }
    let violation = report.violations.first { property == nil || $0.property == property }
    var found = try violation.map { try FoundViolation($0, in: instance, program) }
    let unwritten = session.saving { () throws(ConsoleError) in try found?.save(in: folder, scope: instance.scope) }
    let result = Exploration(
      instance: instance, report: report, found: found, symmetric: symmetric, isPartial: property != nil,
      seconds: ProveInvariantsCommand.seconds(since: start), stop: stop.reason)
    switch options.format {
    case .text: try console.write(result.text(isBrief: options.quiet))
    case .json: try console.write(result.json.document)
    }
    try console.finish()
    if let unwritten { throw unwritten }
    throw result.exitCode
  }
}

/// What `explore` prints.
private struct Exploration {
  let instance: Instance
  let report: SearchReport
  let found: FoundViolation?
  let symmetric: SymmetricScalarsets
  /// Whether one property was asked about, so that vacuity is nobody's question.
  let isPartial: Bool
  let seconds: Double
  let stop: StopSwitch.Reason

  private var word: ResultRow.Word {
    if let found { return found.word }
    if report.limit != nil { return .limit }
    let isVacuous = report.startStates == 0 || (!isPartial && report.covers.contains { $0.hits == 0 })
    return report.isExhaustive && isVacuous ? .vacuous : .proved
  }

  var exitCode: ExitCode { ExitCode(word.exitCode) }

  func text(isBrief: Bool) -> String {
    var lines = [
      instance.heading,
      "  \(word.rawValue)" + (found.map { ": \($0.property)" } ?? "")
        + (report.limit.map { ": \($0 == .interrupted ? stop.words : RowBuilder.words($0))" } ?? ""),
      "  \(report.states.grouped) states, \(report.rulesFired.grouped) rules fired, diameter \(report.diameter), "
        + "\(report.startStates.grouped) start states",
      String(format: "  %.1f bytes per state, %.2f s", report.bytesPerState, seconds),
    ]
    if !symmetric.names.isEmpty {
      lines.append("  symmetry of \(symmetric.names.joined(separator: ", ")): all counts are of orbits")
    }
    lines += report.covers.map { "  cover \"\($0.name)\": \($0.hits.grouped) times" }
    lines += RuleCounts(report.rules.map { ($0.name, $0.fired) }).lines
    if let found, !isBrief { lines += found.lines }
    return lines.joined(separator: "\n") + "\n"
  }

  var json: JSON {
    .object([
      "schema": .string("kvmcheck/1"), "model": .string(instance.loaded.location.name),
      "scope": .string(instance.scope), "variant": instance.variant.map { .string($0.name) } ?? .null,
      "verdict": .string(word.rawValue), "property": found.map { .string($0.property) } ?? .null,
      "states": .integer(report.states), "rulesFired": .integer(report.rulesFired),
      "diameter": .integer(report.diameter), "seconds": .decimal((seconds * 1000).rounded() / 1000),
      "bytesPerState": .decimal((report.bytesPerState * 10).rounded() / 10),
      "symmetry": .boolean(!symmetric.names.isEmpty),
      "rules": RuleCounts(report.rules.map { ($0.name, $0.fired) }).json,
      "trace": found?.document.json ?? .null, "traceFile": found?.file.map(JSON.string) ?? .null,
    ])
  }

  /// The object of a model that was not searched.
  static func undecided(
    _ word: ResultRow.Word, _ location: ModelLocator.Location, _ arguments: InstanceArguments
  ) -> JSON {
    .object([
      "schema": .string("kvmcheck/1"), "model": .string(location.name), "scope": .string(arguments.scope),
      "variant": arguments.variant.map(JSON.string) ?? .null, "verdict": .string(word.rawValue), "property": .null,
      "states": .null, "rulesFired": .null, "diameter": .null, "seconds": .null, "bytesPerState": .null,
      "symmetry": .boolean(false), "rules": .array([]), "trace": .null, "traceFile": .null,
    ])
  }
}
