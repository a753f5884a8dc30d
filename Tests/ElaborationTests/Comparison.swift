import Diagnostics
import Elaboration
import Execution
import Logic
import Murphi
import TestSupport
import Testing
import TransitionSystems

/// A model under both semantics.
struct Comparison {
  let model: TypedModel
  let elaboration: Elaboration
  let terms: TermSemantics
  let program: Program

  init(_ text: String, rulesets: RulesetForm = .smaller, definedness: Definedness = .dropped) throws {
    model = try SyntaxTree.parse(SourceFile(name: "test.m", text: text)).check().model
    var options = ElaborationOptions()
    options.rulesets = rulesets
    options.dropsDefinedness = definedness == .dropped
    elaboration = try Elaborator(model, options: options).elaborate()
    terms = TermSemantics(elaboration.system)
    program = try Program(model: model)
  }

  /// The terms of one model beside the program of another, to see that differences are found.
  init(mixing one: Comparison, termsOf other: Comparison) {
    model = one.model
    elaboration = other.elaboration
    terms = other.terms
    program = one.program
  }

  /// Whether leaves that are always defined lose their bit.
  enum Definedness: CaseIterable {
    case dropped
    case kept
  }

  /// What came of a firing, as both sides can say it.
  enum Outcome: Hashable {
    case reaches([Value])
    case dropped
    case fails(PropertyID, String, String?)

    init(_ failure: RunTimeFailure) {
      self = .fails(failure.property, Self.withoutNumber(failure.message), failure.location)
    }

    /// Execution says `index 7 is outside …`; terms cannot name the 7.
    private static func withoutNumber(_ message: String) -> String {
      let words = message.split(separator: " ", maxSplits: 4, omittingEmptySubsequences: false)
      guard words.count == 5, words[2] == "is", words[3] == "outside" else { return message }
      return "\(words[0]) is outside \(words[4])"
    }
  }

  /// The first difference in what the starts do.
  func startDifference() -> String? {
    let interpreter = Interpreter(program)
    var executed: [Firing: Outcome] = [:]
    for copy in 0..<program.startstateCopies {
      executed[program.firing(startstate: copy)] = outcome(interpreter.start(copy))
    }
    return difference(executed, outcomes(terms.starts), "at the start")
  }

  /// The first difference in what happens in a state: steps, assumptions, invariants.
  func difference(in state: TermSemantics.State, _ interpreter: Interpreter) -> String? {
    let values = terms.values(of: state)
    guard let concrete = program.state(values) else { return "\(values) is not a state" }
    var executed: [Firing: Outcome] = [:]
    for copy in 0..<program.ruleCopies {
      executed[program.firing(rule: copy)] = outcome(interpreter.fire(copy, on: concrete))
    }
    if let found = difference(executed, outcomes(terms.steps(from: state)), "in \(values)") { return found }
    for (position, invariant) in terms.system.invariants.enumerated() {
      let one = interpreter.check(program.properties[position], on: concrete)
      let other = terms.check(invariant.condition, invariant.failures, in: state)
      if Self.isOther(one, other) { return "in \(values), invariant \(position): \(one), but by terms \(other)" }
    }
    for (position, assumption) in terms.system.assumptions.enumerated() {
      let one = interpreter.check(program.assumptions[position], on: concrete)
      let other = terms.check(assumption.condition, assumption.failures, in: state)
      if Self.isOther(one, other) { return "in \(values), assumption \(position): \(one), but by terms \(other)" }
    }
    return nil
  }

  /// The first difference in any meaningful state, reachable or not; nil if there is none.
  func difference() throws -> String? {
    if let found = startDifference() { return found }
    let interpreter = Interpreter(program)
    let states = try #require(terms.allStates(limit: 70_000), "too many states for a test")
    for state in states {
      if let found = difference(in: state, interpreter) { return found }
    }
    return nil
  }

  /// What the interpreter found; nil for a false guard.
  private func outcome(_ result: StepResult) -> Outcome? {
    switch result {
    case .successor(let state): .reaches(program.values(of: state))
    case .disabled: nil
    case .dropped: .dropped
    case .failed(let failure, partial: _): Outcome(failure)
    case .stopped: preconditionFailure("nothing stops this interpreter")
    }
  }

  /// What the terms say, by firing.
  private func outcomes(_ steps: [TermSemantics.Step]) -> [Firing: Outcome] {
    var outcomes: [Firing: Outcome] = [:]
    for step in steps {
      switch step.outcome {
      case .reaches(let state): outcomes[step.firing] = .reaches(terms.values(of: state))
      case .dropped: outcomes[step.firing] = .dropped
      case .fails(let failure): outcomes[step.firing] = Outcome(failure)
      }
    }
    return outcomes
  }

  /// The first firing on which the two differ.
  private func difference(
    _ executed: [Firing: Outcome], _ evaluated: [Firing: Outcome], _ place: @autoclosure () -> String
  )
    -> String?
  {
    for firing in Set(executed.keys).union(evaluated.keys) where executed[firing] != evaluated[firing] {
      let one = executed[firing].map { "\($0)" } ?? "disabled"
      let other = evaluated[firing].map { "\($0)" } ?? "disabled"
      return "\(place()), \(firing.name) \(firing.parameters.map(\.value)): \(one), but by terms \(other)"
    }
    return nil
  }

  /// Whether two opinions on a property differ.
  private static func isOther(_ executed: PropertyResult, _ evaluated: TermSemantics.Truth) -> Bool {
    switch (executed, evaluated) {
    case (.holds, .holds), (.violated, .isFalse): false
    case (.failed(let one), .fails(let other)): Outcome(one) != Outcome(other)
    case (.holds, _), (.violated, _), (.failed, _), (.stopped, _): true
    }
  }
}
