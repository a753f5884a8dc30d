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
    discussion: "Searches without symmetry and stops at the first violation, as rumur --symmetry-reduction=off does.")

  @ArgumentParser.Argument(help: ArgumentHelp("A path, - or the bare name of a shipped model.", valueName: "model"))
  var model: String

  @Option(help: ArgumentHelp("The variant whose constants to use.", valueName: "name"))
  var variant: String?

  @OptionGroup var options: CommonOptions

  func run() async throws {
    let console = try Console(path: options.output, quiet: options.quiet)
    let stop = StopSwitch()
    let start = ContinuousClock.now
    let arguments = InstanceArguments(
      model: model, scope: options.scope, variant: variant, overrides: options.overrides, root: options.root)
    let instance: Instance
    do { instance = try arguments.instance() } catch let rejection as Rejection {
      if options.format == .json {
        try console.write(try document(Self.undecided(.rejected, location: try arguments.location(), options, variant)))
        try console.finish()
      }
      throw rejection
    }
    for warning in instance.renderedWarnings { console.diagnose(warning) }
    let memory = options.memory?.bytes
    let program: Program
    do { program = try Program(model: instance.model) } catch {
      if options.format == .json {
        try console.write(try document(Self.undecided(.limit, location: instance.loaded.location, options, variant)))
        try console.finish()
      }
      throw error
    }
    let report = try await stop.running(timeout: options.timeout, memory: memory) {
      ExplicitEngine(program).explore(within: Budget(bytes: memory ?? .max))
    }
    let result = Exploration(
      instance: instance, report: report, seconds: ProveInvariantsCommand.seconds(since: start), stop: stop.reason)
    switch options.format {
    case .text: try console.write(result.text)
    case .json: try console.write(try document(result.json))
    }
    try console.finish()
    throw result.exitCode
  }

  private func document(_ json: JSON) throws -> String { String(decoding: json.encoded(), as: UTF8.self) }

  /// The object of a model that was not searched.
  private static func undecided(
    _ word: ResultRow.Word, location: ModelLocator.Location, _ options: CommonOptions, _ variant: String?
  ) -> JSON {
    .object([
      "schema": .string("kvmcheck/1"), "model": .string(location.name), "scope": .string(options.scope),
      "variant": variant.map(JSON.string) ?? .null, "verdict": .string(word.rawValue), "property": .null,
      "states": .null, "rulesFired": .null, "diameter": .null, "seconds": .null, "bytesPerState": .null,
      "symmetry": .boolean(false), "rules": .array([]), "trace": .null,
    ])
  }
}

/// What `explore` prints.
private struct Exploration {
  let instance: Instance
  let report: SearchReport
  let seconds: Double
  let stop: StopSwitch.Reason

  private var violation: Violation? { report.violations.first }

  private var word: ResultRow.Word {
    if let violation { return violation.property == .deadlock ? .deadlock : .violated }
    if report.limit != nil { return .limit }
    let isVacuous = report.startStates == 0 || report.covers.contains { $0.hits == 0 }
    return report.isExhaustive && isVacuous ? .vacuous : .proved
  }

  var exitCode: ExitCode {
    switch word {
    case .violated: .violated
    case .deadlock: .deadlocked
    case .vacuous: .vacuous
    case .limit: .limit
    case .proved, .provedAnySize, .bounded, .unknown, .rejected, .contradiction: .success
    }
  }

  private var property: String? {
    violation.flatMap { found in Question.all(of: instance.model).first { $0.property == found.property }?.name }
  }

  var text: String {
    var lines = [
      "\(instance.loaded.location.name), scope \(instance.scope)"
        + (instance.variant.map { ", variant \($0.name)" } ?? ""),
      "  \(word.rawValue)" + (property.map { ": \($0)" } ?? "")
        + (report.limit.map { ": \($0 == .interrupted ? stop.words : RowBuilder.words($0))" } ?? ""),
      "  \(report.states.grouped) states, \(report.rulesFired.grouped) rules fired, diameter \(report.diameter), "
        + "\(report.startStates.grouped) start states",
      String(format: "  %.1f bytes per state, %.2f s", report.bytesPerState, seconds),
    ]
    let width = String(report.rules.map(\.fired).max() ?? 0).count + 4
    lines += report.covers.map { "  cover \"\($0.name)\": \($0.hits.grouped) times" }
    lines += report.rules.map { rule in
      let count = rule.fired.grouped
      return "  " + String(repeating: " ", count: max(0, width - count.count)) + count + "  " + rule.name
    }
    if let violation { lines += TraceTable(violation.trace, replay: nil).lines(indent: 4) }
    return lines.joined(separator: "\n") + "\n"
  }

  var json: JSON {
    let trace = violation.map { found in
      ITFDocument(
        origin: ITFDocument.Origin(
          model: instance.loaded.location.name, sha256: instance.loaded.sha256, constants: instance.constants,
          variant: instance.variant?.name, property: property ?? "", verdict: word.rawValue,
          deadlock: instance.model.directives.deadlock.rawValue),
        trace: found.trace
      ).json
    }
    return .object([
      "schema": .string("kvmcheck/1"), "model": .string(instance.loaded.location.name),
      "scope": .string(instance.scope), "variant": instance.variant.map { .string($0.name) } ?? .null,
      "verdict": .string(word.rawValue), "property": property.map(JSON.string) ?? .null,
      "states": .integer(report.states), "rulesFired": .integer(report.rulesFired),
      "diameter": .integer(report.diameter), "seconds": .decimal((seconds * 1000).rounded() / 1000),
      "bytesPerState": .decimal((report.bytesPerState * 10).rounded() / 10), "symmetry": .boolean(false),
      "rules": .array(
        report.rules.map { .object(["name": .string($0.name), "fired": .integer($0.fired)]) }),
      "trace": trace ?? .null,
    ])
  }
}
