import ArgumentParser
import Execution
import ExplicitState
import Foundation
import Interchange
import Murphi
import Report
import TransitionSystems

/// `kvmcheck simulate MODEL`: random runs, the same ones for the same seed.
struct SimulateCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "Take random runs of a model: states visited, rules fired, deadlocks met.",
    discussion: """
      Stops at the first violation, with its trace. A deadlock ends its run only; the first one is reported where nothing else is found. \
      That nothing is found proves nothing: the verdict is then unknown, and the exit code 21.
      """)

  @ArgumentParser.Argument(help: ArgumentHelp("A path, - or the bare name of a shipped model.", valueName: "model"))
  var model: String

  @Option(help: ArgumentHelp("The variant whose constants to use.", valueName: "name"))
  var variant: String?

  @Option(help: ArgumentHelp("Stop at a violation of this property only.", valueName: "property"))
  var only: String?

  @Option(help: ArgumentHelp("How many runs to take.", valueName: "n"))
  var runs = 100

  @Option(help: ArgumentHelp("How many steps a run takes at most.", valueName: "n"))
  var steps = 200

  @Option(help: ArgumentHelp("Write the counterexample there as ITF JSON.", valueName: "dir"))
  var traces: String?

  @Option(help: "The seed of random choices.")
  var seed: UInt64 = 1

  @OptionGroup var selection: InstanceOptions
  @OptionGroup var options: RunOptions
  @OptionGroup var idle: IdleDecisionOptions
  @OptionGroup var idleDepth: IdleDepthOption

  func validate() throws {
    if runs < 1 { throw ValidationError("--runs \(runs): expected 1 or more") }
    if steps < 0 { throw ValidationError("--steps \(steps): expected 0 or more") }
  }

  func run() async throws {
    let console = try Console(path: options.output, quiet: options.quiet)
    for warning in idle.warnings(of: "simulate") + idleDepth.warnings(of: "simulate") { console.diagnose(warning) }
    let folder = try traces.map(TraceFolder.init(path:))
    let stop = StopSwitch()
    let start = ContinuousClock.now
    let session = InstanceSession(
      arguments: InstanceArguments(
        model: model, scope: selection.scope, variant: variant, overrides: selection.overrides, root: options.root),
      format: options.format, console: console, undecided: SimulationResult.undecided)
    let (instance, program) = try session.load()
    let simulation = SimulationOptions(
      runs: runs, steps: steps, seed: seed, budget: Budget(bytes: options.memory?.bytes ?? .max),
      deadlock: instance.model.directives.deadlock,
      only: try only.map { try Question.named($0, in: instance.model).property })
    let report = try await stop.running(timeout: options.timeout, memory: options.memory?.bytes) {
      var simulation = RandomSimulation(program, options: simulation)
      return simulation.run()
    }
    var found = try report.violation.map { try FoundViolation($0, in: instance, program) }
    let unwritten = session.saving { () throws(ConsoleError) in try found?.save(in: folder, scope: instance.scope) }
    let result = SimulationResult(
      instance: instance, report: report, found: found, seed: seed,
      seconds: ProveInvariantsCommand.seconds(since: start), stop: stop.reason)
    switch options.format {
    case .text: try console.write(result.text(isBrief: options.quiet))
    case .json: try console.write(result.json.document)
    }
    try console.finish()
    if let unwritten { throw unwritten }
    throw ExitCode(result.word.exitCode)
  }
}

/// What `simulate` prints.
private struct SimulationResult {
  let instance: Instance
  let report: SimulationReport
  let found: FoundViolation?
  let seed: UInt64
  let seconds: Double
  let stop: StopSwitch.Reason

  var word: ResultRow.Word {
    if let found { return found.word }
    if report.limit != nil { return .limit }
    return report.states == 0 ? .vacuous : .unknown
  }

  private var reason: String {
    if let found { return ": " + found.property }
    if let limit = report.limit { return ": " + (limit == .interrupted ? stop.words : RowBuilder.words(limit)) }
    return report.states == 0 ? ": no start state" : ": nothing found, which proves nothing"
  }

  private var rules: RuleCounts {
    RuleCounts(zip(report.ruleNames, report.fired).map { ($0, $1) })
  }

  func text(isBrief: Bool) -> String {
    var lines = [
      instance.heading, "  \(word.rawValue)" + reason,
      "  \(report.runs.grouped) runs from seed \(seed), the longest of \(report.longestRun.grouped) steps",
      "  \(report.states.grouped) states visited, \(report.rulesFired.grouped) rules fired, "
        + "\(report.deadlocks.grouped) deadlocks met",
      String(format: "  %.2f s", seconds),
    ]
    lines += rules.lines
    if let found, !isBrief { lines += found.lines }
    return lines.joined(separator: "\n") + "\n"
  }

  var json: JSON {
    .object([
      "schema": .string("kvmcheck/1"), "model": .string(instance.loaded.location.name),
      "scope": .string(instance.scope), "variant": instance.variant.map { .string($0.name) } ?? .null,
      "verdict": .string(word.rawValue), "property": found.map { .string($0.property) } ?? .null,
      "seed": .string("\(seed)"), "runs": .integer(report.runs), "longestRun": .integer(report.longestRun),
      "states": .integer(report.states), "rulesFired": .integer(report.rulesFired),
      "deadlocks": .integer(report.deadlocks), "seconds": .decimal((seconds * 1000).rounded() / 1000),
      "rules": rules.json, "trace": found?.document.json ?? .null,
      "traceFile": found?.file.map(JSON.string) ?? .null,
    ])
  }

  /// The object of a model that was not run.
  static func undecided(
    _ word: ResultRow.Word, _ location: ModelLocator.Location, _ arguments: InstanceArguments
  ) -> JSON {
    .object([
      "schema": .string("kvmcheck/1"), "model": .string(location.name), "scope": .string(arguments.scope),
      "variant": arguments.variant.map(JSON.string) ?? .null, "verdict": .string(word.rawValue), "property": .null,
      "seed": .null, "runs": .null, "longestRun": .null, "states": .null, "rulesFired": .null, "deadlocks": .null,
      "seconds": .null, "rules": .array([]), "trace": .null, "traceFile": .null,
    ])
  }
}
