package import Execution
import Logic
import Murphi
package import TransitionSystems

/// Why a trace is no evidence.
package struct TraceRejection: Error, Hashable, Sendable {
  /// The step at which re-execution and trace part, from 0.
  package let step: Int
  package let reason: String
  /// Whether nothing is known, because the task was cancelled before re-execution got that far.
  package let isInterruption: Bool

  package init(step: Int, reason: String) {
    self.step = step
    self.reason = reason
    isInterruption = false
  }

  /// Re-execution was interrupted.
  init(interruptedAt step: Int) {
    self.step = step
    reason = "interrupted"
    isInterruption = true
  }
}

/// Re-executes traces with the reference semantics: code that never saw a solver, nor the search that found them.
package struct TraceChecker: Sendable {
  private let program: Program

  package init(program: Program) {
    self.program = program
  }

  /// The trace with its failing last step as far as the rule's body came. Terms know that a step fails, and where, but not what it
  /// had written before; only running it says that. A trace whose last step does not fail comes back as it is.
  package func completed(_ trace: Trace) -> Trace {
    guard trace.failure != nil, let last = trace.steps.last else { return trace }
    let interpreter = Interpreter(program)
    let result: StepResult
    if trace.steps.count == 1 {
      guard let copy = program.startstateCopy(last.firing) else { return trace }
      result = interpreter.start(copy)
    } else {
      guard let before = program.state(trace.steps[trace.steps.count - 2].values),
        let copy = program.ruleCopy(last.firing)
      else { return trace }
      result = interpreter.fire(copy, on: before)
    }
    guard case .failed(let failure, let partial) = result else { return trace }
    let step = TraceStep(firing: last.firing, values: program.values(of: partial))
    return Trace(variables: trace.variables, steps: trace.steps.dropLast() + [step], failure: failure)
  }

  /// Whether some start state exists that every assumption admits. In a cancelled task: that none does was not shown.
  package func hasStart() -> Bool {
    let interpreter = Interpreter(program, stopping: .whenCancelled)
    return (0..<program.startstateCopies).contains { copy in
      switch interpreter.start(copy) {
      case .successor(let state): interpreter.checkAssumptions(on: state) != .violated
      case .failed, .stopped: true
      case .disabled, .dropped: false
      }
    }
  }

  /// Accepts a trace that starts in a start state, follows the rules state by state, satisfies every assumption, and whose
  /// end violates the property. Throws: the first thing that is not so.
  package func check(_ trace: Trace, violates property: PropertyID) throws(TraceRejection) {
    let interpreter = Interpreter(program, stopping: .whenCancelled)
    guard trace.variables == program.model.variables.map(\.name) else {
      throw TraceRejection(step: 0, reason: "its variables are not the model's")
    }
    guard !trace.steps.isEmpty else { throw TraceRejection(step: 0, reason: "it has no state") }
    var state: State?
    var isReached = false
    for (index, step) in trace.steps.enumerated() {
      let isLast = index == trace.steps.count - 1
      let result = try self.step(step, index: index, from: state, interpreter)
      state = try successor(result, step, index: index, failure: isLast ? trace.failure : nil, interpreter)
      if case .successor = result { isReached = true } else { isReached = false }
      if let reached = state, !(isLast && trace.failure != nil) {
        try admit(reached, index: index, interpreter)
      }
    }
    guard let end = state else { return }
    guard let failure = trace.failure else { return try checkEnd(end, index: trace.depth, property, interpreter) }
    if failure.property == property { return }
    guard isReached, case .invariant(let position) = property else {
      throw TraceRejection(step: trace.depth, reason: "the run-time error violates another property")
    }
    try admit(end, index: trace.depth, interpreter)
    guard isMet(failure, in: end, [program.properties[position]], interpreter) else {
      if Task.isCancelled { throw TraceRejection(interruptedAt: trace.depth) }
      throw TraceRejection(step: trace.depth, reason: "the run-time error is not one of the property's own evaluation")
    }
  }

  private func step(
    _ step: TraceStep, index: Int, from state: State?, _ interpreter: Interpreter
  ) throws(TraceRejection) -> StepResult {
    if let state {
      guard let copy = program.ruleCopy(step.firing), program.firing(rule: copy) == step.firing else {
        throw TraceRejection(step: index, reason: "the model has no such copy of rule \(step.firing.name)")
      }
      return interpreter.fire(copy, on: state)
    }
    guard let copy = program.startstateCopy(step.firing), program.firing(startstate: copy) == step.firing else {
      throw TraceRejection(step: index, reason: "the model has no such copy of start state \(step.firing.name)")
    }
    return interpreter.start(copy)
  }

  /// The state that re-execution reaches, which must be the trace's.
  private func successor(
    _ result: StepResult, _ step: TraceStep, index: Int, failure: RunTimeFailure?, _ interpreter: Interpreter
  ) throws(TraceRejection) -> State {
    switch result {
    case .successor(let state):
      try compare(state, step, index: index)
      if let failure, !isMet(failure, in: state, program.assumptions + program.properties + program.covers, interpreter)
      {
        if Task.isCancelled { throw TraceRejection(interruptedAt: index) }
        throw TraceRejection(step: index, reason: "no run-time error, the trace says: \(failure.message)")
      }
      return state
    case .disabled: throw TraceRejection(step: index, reason: "rule \(step.firing.name) is disabled")
    case .dropped: throw TraceRejection(step: index, reason: "an assume statement drops the firing")
    case .stopped: throw TraceRejection(interruptedAt: index)
    case .failed(let found, let partial):
      guard let failure else { throw TraceRejection(step: index, reason: "run-time error: \(found.message)") }
      guard Self.isSame(found, failure) else {
        throw TraceRejection(step: index, reason: "run-time error \(found.message), the trace says: \(failure.message)")
      }
      try compare(partial, step, index: index)
      return partial
    }
  }

  /// A failure may also arise while a property is evaluated in the last state; then the step itself succeeds.
  private func isMet(
    _ failure: RunTimeFailure, in state: State, _ families: [Family], _ interpreter: Interpreter
  ) -> Bool {
    families.contains { family in
      switch interpreter.check(family, on: state) {
      case .failed(let found): return Self.isSame(found, failure)
      case .holds, .violated, .stopped: return false
      }
    }
  }

  /// Whether two failures are one: the same property at the same place. Terms do not know the offending value that the
  /// reference semantics prints, so the words may differ in that number.
  private static func isSame(_ found: RunTimeFailure, _ claimed: RunTimeFailure) -> Bool {
    found.property == claimed.property && found.location == claimed.location
  }

  private func compare(_ state: State, _ step: TraceStep, index: Int) throws(TraceRejection) {
    let values = program.values(of: state)
    for (position, name) in program.model.variables.map(\.name).enumerated()
    where values[position] != step.values[position] {
      throw TraceRejection(
        step: index, reason: "\(name) is \(values[position]), the trace says \(step.values[position])")
    }
  }

  private func admit(
    _ state: State, index: Int, _ interpreter: Interpreter
  ) throws(TraceRejection) {
    switch interpreter.checkAssumptions(on: state) {
    case .holds: return
    case .stopped: throw TraceRejection(interruptedAt: index)
    case .violated, .failed: throw TraceRejection(step: index, reason: "an assumption does not hold")
    }
  }

  private func checkEnd(
    _ state: State, index: Int, _ property: PropertyID, _ interpreter: Interpreter
  ) throws(TraceRejection) {
    switch property {
    case .invariant(let position):
      switch interpreter.check(program.properties[position], on: state) {
      case .violated: return
      case .stopped: throw TraceRejection(interruptedAt: index)
      case .failed, .holds: throw TraceRejection(step: index, reason: "the property holds in the last state")
      }
    case .deadlock:
      let mode = program.model.directives.deadlock
      if mode == .off { throw TraceRejection(step: index, reason: "no state counts as a deadlock: the mode is off") }
      for copy in 0..<program.ruleCopies {
        let result = interpreter.fire(copy, on: state)
        if result == .stopped { throw TraceRejection(interruptedAt: index) }
        if case .successor(let next) = result, mode == .stuck || next != state {
          throw TraceRejection(step: index, reason: "rule \(program.firing(rule: copy).name) leaves the last state")
        }
      }
    case .assertion, .runTimeErrors, .cover:
      throw TraceRejection(step: index, reason: "no run-time error ends the trace")
    }
  }
}
