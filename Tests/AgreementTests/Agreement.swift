import Checking
import Diagnostics
import Elaboration
import Engines
import Execution
import ExplicitState
import Foundation
import Murphi
import TestSupport
import TransitionSystems

/// One model under everything that can decide it; says what differs.
struct Agreement {
  /// What came of a comparison.
  enum Outcome: Equatable {
    case agrees
    /// Nothing was compared: the text was rejected, or there are too many states.
    case skipped(String)
    case differs(String)
  }
  /// Searches visit at most this many states.
  static let states = 1500
  /// Bounded engines go this deep.
  static let depth = 4

  let text: String
  let rulesets: RulesetForm

  /// The explicit search's report, and the model as terms.
  struct Sides {
    let model: TypedModel
    let program: Program
    let report: SearchReport
    let system: TransitionSystem

    /// The properties that both decide.
    var properties: [PropertyID] {
      [.runTimeErrors] + model.properties.indices.map { .invariant($0) }
        + model.assertions.indices.map { .assertion($0) }
    }

    /// The fewest transitions that violate a property, by explicit search.
    func depth(_ property: PropertyID) -> Int? { report.trace(of: property)?.depth }
  }

  /// Both sides; nil with a reason if there is nothing to compare.
  func sides() throws -> (Sides?, String) {
    let model: TypedModel
    do {
      model = try SyntaxTree.parse(SourceFile(name: "random.m", text: text)).check().model
    } catch {
      return (nil, "rejected: \(error.diagnostics.first?.message ?? "")")
    }
    let program = try Program(model: model)
    let options = SearchOptions(
      stop: .whenExhausted, budget: Budget(states: Self.states), deadlock: .off)
    let report = BreadthFirstSearch(program, options: options).run()
    guard report.isExhaustive else { return (nil, "more than \(Self.states) states") }
    var choices = ElaborationOptions()
    choices.rulesets = rulesets
    let elaboration: Elaboration
    do {
      elaboration = try Elaborator(model, options: choices).elaborate()
    } catch {
      return (nil, error.message)
    }
    return (Sides(model: model, program: program, report: report, system: elaboration.system), "")
  }

  /// States, firings and depths, by evaluating every term in every state.
  func compareTerms() throws -> Outcome {
    let (found, reason) = try sides()
    guard let sides = found else { return .skipped(reason) }
    let search = TermSearch(sides.system, limit: Self.states)
    if search.states != sides.report.states {
      return .differs("states: \(sides.report.states), but by terms \(search.states)")
    }
    if search.rulesFired != sides.report.rulesFired {
      return .differs("rules fired: \(sides.report.rulesFired), but by terms \(search.rulesFired)")
    }
    for property in sides.properties where sides.depth(property) != search.depths[property] {
      let (one, other) = (sides.depth(property), search.depths[property])
      return .differs("\(property): depth \(one ?? -1), but by terms \(other ?? -1)")
    }
    return .agrees
  }

  /// Verdicts and depths of BMC and k-induction.
  func compareEngines() async throws -> Outcome {
    let (found, reason) = try sides()
    guard let sides = found else { return .skipped(reason) }
    let budget = Budget(depth: Self.depth)
    for (name, system) in [("BMC", sides.system), ("BMC by representatives", try represented(sides.model))] {
      let bounded = try await BMC(system).decide(sides.properties, within: budget)
      for (property, verdict) in zip(sides.properties, bounded) {
        let expected = sides.depth(property)
        switch verdict {
        case .violated(let trace, shortest: true) where trace.depth == expected:
          if let objection = Self.objection(to: trace, property, sides) { return .differs("\(name): \(objection)") }
        case .bounded(let depth) where depth == Self.depth && (expected ?? .max) > depth: continue
        default: return .differs("\(property): depth \(expected ?? -1), but \(name) says \(Self.short(verdict))")
        }
      }
    }
    let inductive = try await KInduction(sides.system).decide(sides.properties, within: budget)
    for (property, verdict) in zip(sides.properties, inductive) {
      let expected = sides.depth(property)
      switch verdict {
      case .violated(let trace, shortest: _) where trace.depth == expected: continue
      case .proved where expected == nil: continue
      case .bounded(let depth) where (expected ?? .max) > depth: continue
      default: return .differs("\(property): depth \(expected ?? -1), but k-induction says \(Self.short(verdict))")
      }
    }
    return .agrees
  }

  /// The model with representatives.
  private func represented(_ model: TypedModel) throws -> TransitionSystem {
    var choices = ElaborationOptions()
    choices.rulesets = rulesets
    return try Elaborator(model, options: choices).elaborateWithRepresentatives().system
  }

  /// What re-execution says against a trace; nil if it is evidence.
  private static func objection(to trace: Trace, _ property: PropertyID, _ sides: Sides) -> String? {
    do throws(TraceRejection) {
      let checker = TraceChecker(program: sides.program)
      try checker.check(checker.completed(trace), violates: property)
      return nil
    } catch {
      return "\(property): the trace is no evidence: step \(error.step): \(error.reason)"
    }
  }

  /// Verdicts and depths of PDR, which concludes within its queries or says that it does not.
  func comparePDR() async throws -> Outcome {
    let (found, reason) = try sides()
    guard let sides = found else { return .skipped(reason) }
    let system: ParameterizedSystem
    do {
      system = try ParameterizedElaborator(sides.model).elaborate().system
    } catch {
      return .skipped(error.message)
    }
    let verdicts = try await PDR(system).decide(sides.properties, within: Budget(depth: 200, queries: 20_000))
    for (property, verdict) in zip(sides.properties, verdicts) {
      let expected = sides.depth(property)
      switch verdict {
      case .violated(let trace, shortest: true) where trace.depth == expected:
        if let objection = Self.objection(to: trace, property, sides) { return .differs("PDR: \(objection)") }
      case .proved where expected == nil: continue
      case .limit: return .skipped("PDR used up its queries")
      default: return .differs("\(property): depth \(expected ?? -1), but PDR says \(Self.short(verdict))")
      }
    }
    return .agrees
  }

  /// A verdict without its trace.
  private static func short(_ verdict: Verdict) -> String {
    if case .violated(let trace, shortest: _) = verdict { return "violated at depth \(trace.depth)" }
    return "\(verdict)"
  }

  /// States and firings where rumur finds no error, else the kind of the first error.
  func compareRumur() throws -> Outcome {
    let (found, reason) = try sides()
    guard let sides = found else { return .skipped(reason) }
    let options = SearchOptions(stop: .atFirstViolation, budget: Budget(states: Self.states), deadlock: .stuttering)
    let report = BreadthFirstSearch(sides.program, options: options).run()
    let rumur = try RumurRunner().check(text)
    let one = report.violations.first.map { Self.kind($0.property) } ?? "none"
    let other = rumur.message.map(Self.kind) ?? "none"
    if one != other { return .differs("first error: \(one), but rumur says \(other): \(rumur.message ?? "")") }
    if one == "none" && (rumur.states, rumur.rulesFired) != (report.states, report.rulesFired) {
      return .differs(
        "\(report.states) states, \(report.rulesFired) fired; rumur: \(rumur.states), \(rumur.rulesFired)")
    }
    return .agrees
  }

  /// What kind of property it is.
  private static func kind(_ property: PropertyID) -> String {
    switch property {
    case .invariant: "invariant"
    case .assertion: "assertion"
    case .runTimeErrors: "run-time error"
    case .deadlock: "deadlock"
    case .cover: "cover"
    }
  }

  /// What kind of error rumur's message tells.
  private static func kind(_ message: String) -> String {
    if message.hasPrefix("invariant") { return "invariant" }
    if message.contains("deadlock") { return "deadlock" }
    return message.contains("assertion") || message.contains("Assertion") ? "assertion" : "run-time error"
  }
}
