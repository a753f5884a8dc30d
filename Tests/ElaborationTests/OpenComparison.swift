import Diagnostics
import Elaboration
import Execution
import Logic
import Murphi
import TestSupport
import Testing
import TransitionSystems

/// A model run by Execution and, in lockstep, by evaluating the terms of its parameterized system.
struct OpenComparison {
  let model: TypedModel
  let elaboration: ParameterizedElaboration
  let terms: ParameterizedExecution
  let program: Program
  private let interpreter: Interpreter

  init(_ model: TypedModel) throws {
    self.model = model
    elaboration = try ParameterizedElaborator(model).elaborate()
    terms = ParameterizedExecution(elaboration.system)
    program = try Program(model: model)
    interpreter = Interpreter(program)
  }

  init(_ text: String) throws {
    try self.init(SyntaxTree.parse(SourceFile(name: "test.m", text: text)).check().model)
  }

  /// The terms of one model beside the program of another, to see that differences are found.
  init(mixing one: OpenComparison, termsOf other: OpenComparison) {
    model = one.model
    elaboration = other.elaboration
    terms = other.terms
    program = one.program
    interpreter = Interpreter(program)
  }

  /// What a firing comes to, as far as both sides say it.
  enum Seen: Hashable {
    case nothing
    case reaches([Value])
    case fails(Set<PropertyID>)
  }

  /// The first difference on a random walk that looks at every firing of each state it visits; nil if there is none.
  func difference(steps: Int, seed: UInt64) -> String? {
    var generator = SeededGenerator(seed: seed)
    var starts: [(State, OpenState)] = []
    for (firing, executed, evaluated) in startPairs() {
      if let found = difference(executed.seen, evaluated, firing) { return found }
      if case .reaches(let open) = evaluated, let state = executed.state { starts.append((state, open)) }
    }
    guard var (state, open) = starts.randomElement(using: &generator) else { return nil }
    for step in 0..<steps {
      if let found = propertyDifference(state, open) { return "after \(step) steps: \(found)" }
      var successors: [(State, OpenState)] = []
      for (firing, executed, evaluated) in stepPairs(state, open) {
        if let found = difference(executed.seen, evaluated, firing) { return "after \(step) steps: \(found)" }
        guard case .reaches(let next) = evaluated, let reached = executed.state, reached != state else { continue }
        successors.append((reached, next))
      }
      guard let next = successors.randomElement(using: &generator) else { return nil }
      (state, open) = next
    }
    return nil
  }

  /// What Execution makes of a firing.
  private struct Executed {
    var seen: Seen
    var state: State?
  }

  private func startPairs() -> [(Firing, Executed, ParameterizedExecution.Outcome)] {
    var evaluated: [Firing: ParameterizedExecution.Outcome] = [:]
    for position in terms.system.starts.indices {
      for choice in terms.choices(ofStart: position) { evaluated[terms.firing(ofStart: choice)] = terms.start(choice) }
    }
    return (0..<program.startstateCopies).map { copy in
      let firing = program.firing(startstate: copy)
      return (firing, looked(at: interpreter.start(copy)), evaluated[firing] ?? .disabled)
    }
  }

  private func stepPairs(
    _ state: State, _ open: OpenState
  ) -> [(Firing, Executed, ParameterizedExecution.Outcome)] {
    var evaluated: [Firing: ParameterizedExecution.Outcome] = [:]
    for position in terms.system.rules.indices {
      for choice in terms.choices(ofRule: position) {
        evaluated[terms.firing(ofRule: choice)] = terms.step(choice, from: open)
      }
    }
    return (0..<program.ruleCopies).map { copy in
      let firing = program.firing(rule: copy)
      return (firing, looked(at: interpreter.fire(copy, on: state)), evaluated[firing] ?? .disabled)
    }
  }

  /// A result, and what the assumptions make of it.
  private func looked(at result: StepResult) -> Executed {
    switch result {
    case .stopped: preconditionFailure("nothing stops this interpreter")
    case .disabled, .dropped: return Executed(seen: .nothing)
    case .failed(let failure, partial: _): return Executed(seen: .fails([failure.property]))
    case .successor(let state):
      switch interpreter.checkAssumptions(on: state) {
      case .holds: return Executed(seen: .reaches(program.values(of: state)), state: state)
      case .stopped: preconditionFailure("nothing stops this interpreter")
      case .violated: return Executed(seen: .nothing)
      case .failed(let failure): return Executed(seen: .fails([failure.property]))
      }
    }
  }

  private func difference(
    _ executed: Seen, _ evaluated: ParameterizedExecution.Outcome, _ firing: Firing
  ) -> String? {
    let seen: Seen
    switch evaluated {
    case .disabled: seen = .nothing
    case .fails(let failures, arriving: _): seen = .fails(Set(failures.map(\.report.property)))
    case .reaches(let state): seen = .reaches(terms.values(of: state))
    }
    if case (.fails(let one), .fails(let others)) = (executed, seen), one.isSubset(of: others) { return nil }
    return executed == seen
      ? nil : "\(firing.name) \(firing.parameters.map(\.value)): \(executed), but by terms \(seen)"
  }

  private func propertyDifference(_ state: State, _ open: OpenState) -> String? {
    var executed: Set<PropertyID> = []
    for (position, family) in program.properties.enumerated() {
      switch interpreter.check(family, on: state) {
      case .holds: continue
      case .stopped: preconditionFailure("nothing stops this interpreter")
      case .violated: executed.insert(.invariant(position))
      case .failed(let failure): executed.formUnion([.invariant(position), failure.property])
      }
    }
    let evaluated = Set(terms.violated(in: open))
    return executed == evaluated ? nil : "\(executed) are violated, by terms \(evaluated)"
  }
}
