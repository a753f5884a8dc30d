package import Logic

/// A run of a system by its choices alone: a start and transitions, each with values for its parameters.
///
/// The states follow by evaluating updates, in `Logic`'s reference semantics: no value of a solver's state is believed.
package struct SystemRun: Hashable, Sendable {
  /// A start or transition, by position, with its parameters.
  package struct Choice: Hashable, Sendable {
    package let position: Int
    /// A value for each of its parameter variables.
    package let parameters: [Term: TermValue]

    package init(position: Int, parameters: [Term: TermValue]) {
      self.position = position
      self.parameters = parameters
    }
  }

  package let start: Choice
  package let moves: [Choice]

  package init(start: Choice, moves: [Choice]) {
    self.start = start
    self.moves = moves
  }
}

/// What evaluating a run shows.
package struct RunOutcome: Hashable, Sendable {
  /// The properties that the end of the run violates.
  package var violated: [PropertyID] = []
  /// Of those, the ones that a failure violates: the first such failure, in the order of the system.
  package var failures: [PropertyID: RunTimeFailure] = [:]
  /// The run as named values. Its `failure` is the first that its end ends in, in the order of the system.
  package var trace: Trace

  /// An end that is tried or looked at in vain: these failures end it.
  package init(failing reports: [RunTimeFailure], trace: Trace) {
    violated = reports.map(\.property)
    for report in reports where failures[report.property] == nil { failures[report.property] = report }
    self.trace = trace
  }

  /// A last state that is looked at: these invariants are false, and the evaluation of those fails.
  package init(violated: [PropertyID], evaluating failing: [EvaluationFailure], trace: Trace) {
    self.violated = violated
    for evaluation in failing {
      let violated = [evaluation.invariant, evaluation.failure.report.property].compactMap(\.self)
      for property in violated where failures[property] == nil { failures[property] = evaluation.failure.report }
    }
    self.trace = trace
  }

  /// The run as the witness for one property: with the failure only if that is what violates the property.
  package func trace(violating property: PropertyID) -> Trace {
    Trace(variables: trace.variables, steps: trace.steps, failure: failures[property])
  }
}

extension TransitionSystem {
  /// Evaluates a run. Nil if it is none: a step that does not exist, or a state before the last that is not admitted.
  ///
  /// The end of a run is a last step that fails, or a last state that is looked at.
  package func evaluate(_ run: SystemRun) -> RunOutcome? {
    var evaluator = RunEvaluator(self)
    return evaluator.evaluate(run)
  }
}

/// Evaluates runs of one system; conditions are built once.
private struct RunEvaluator {
  let system: TransitionSystem
  var store: TermStore

  init(_ system: TransitionSystem) {
    self.system = system
    store = system.store
  }

  mutating func evaluate(_ run: SystemRun) -> RunOutcome? {
    let start = system.starts[run.start.position]
    var evaluation = Evaluation(store, run.start.parameters)
    guard holds(start.parameters.compactMap(\.domain), &evaluation) else { return nil }
    let values = start.values.map { evaluation.value(of: $0) }
    var steps = [step(start.rule, start.parameters, &evaluation, values)]
    if let failure = start.failures.first(where: { evaluation.isTrue($0.condition) }) {
      return run.moves.isEmpty ? outcome(steps, failing: failure) : nil
    }
    if evaluation.isTrue(start.dropped) { return nil }
    var state = values
    for (position, choice) in run.moves.enumerated() {
      guard violations(in: state) != nil else { return nil }
      let transition = system.transitions[choice.position]
      switch fire(transition, choice, from: state) {
      case .impossible: return nil
      case .failed(let failure, let step):
        return position == run.moves.count - 1 ? outcome(steps + [step], failing: failure) : nil
      case .moved(let next, let step):
        state = next
        steps.append(step)
      }
    }
    return ended(steps, in: state)
  }

  /// What trying a transition does.
  private enum Fired {
    case impossible
    case failed(Failure, TraceStep)
    case moved([TermValue], TraceStep)
  }

  private func fire(_ transition: Transition, _ choice: SystemRun.Choice, from state: [TermValue]) -> Fired {
    var evaluation = Evaluation(store, assignment(state).merging(choice.parameters) { first, _ in first })
    guard holds(transition.parameters.compactMap(\.domain), &evaluation) else { return .impossible }
    var failure = transition.guardFailures.first { evaluation.isTrue($0.condition) }
    if failure == nil {
      guard evaluation.isTrue(transition.guardTerm) else { return .impossible }
      failure = transition.bodyFailures.first { evaluation.isTrue($0.condition) }
    }
    if let failure {
      return .failed(failure, step(transition.rule, transition.parameters, &evaluation, state))
    }
    if evaluation.isTrue(transition.dropped) { return .impossible }
    var next = state
    for update in transition.updates { next[update.variable] = evaluation.value(of: update.value) }
    return .moved(next, step(transition.rule, transition.parameters, &evaluation, next))
  }

  /// What is violated by looking at a state; nil if it is not admitted.
  private func violations(in state: [TermValue]) -> (properties: [PropertyID], failing: [EvaluationFailure])? {
    var evaluation = Evaluation(store, assignment(state))
    for assumption in system.assumptions {
      guard !assumption.failures.contains(where: { evaluation.isTrue($0.condition) }),
        evaluation.isTrue(assumption.condition)
      else { return nil }
    }
    var properties: [PropertyID] = []
    var failing: [EvaluationFailure] = []
    for invariant in system.invariants {
      if let failure = invariant.failures.first(where: { evaluation.isTrue($0.condition) }) {
        properties += [invariant.property, failure.report.property]
        failing.append(EvaluationFailure(invariant: invariant.property, failure: failure))
      } else if !evaluation.isTrue(invariant.condition) {
        properties.append(invariant.property)
      }
    }
    for failure in system.coverFailures where evaluation.isTrue(failure.condition) {
      properties.append(failure.report.property)
      failing.append(EvaluationFailure(invariant: nil, failure: failure))
    }
    return (properties, failing)
  }

  /// The outcome of a run whose last state is looked at.
  private func ended(_ steps: [TraceStep], in state: [TermValue]) -> RunOutcome? {
    if let (properties, failing) = violations(in: state) {
      return RunOutcome(
        violated: properties, evaluating: failing, trace: trace(steps, failing.first?.failure.report))
    }
    var evaluation = Evaluation(store, assignment(state))
    for assumption in system.assumptions {
      if let failure = assumption.failures.first(where: { evaluation.isTrue($0.condition) }) {
        return outcome(steps, failing: failure)
      }
      if !evaluation.isTrue(assumption.condition) { return nil }
    }
    return nil
  }

  private func outcome(_ steps: [TraceStep], failing failure: Failure) -> RunOutcome {
    RunOutcome(failing: [failure.report], trace: trace(steps, failure.report))
  }

  private func trace(_ steps: [TraceStep], _ failure: RunTimeFailure?) -> Trace {
    Trace(variables: system.layout.map(\.name), steps: steps, failure: failure)
  }

  private func step(
    _ rule: RuleReference, _ parameters: [Parameter], _ evaluation: inout Evaluation, _ state: [TermValue]
  ) -> TraceStep {
    let values = parameters.map { NamedValue($0.name, $0.decoding.value(in: &evaluation)) }
    var reading = Evaluation(store, assignment(state))
    return TraceStep(
      firing: Firing(index: rule.index, name: rule.name, parameters: values),
      values: system.layout.map { $0.decoding.value(in: &reading) })
  }

  private func assignment(_ state: [TermValue]) -> [Term: TermValue] {
    Dictionary(uniqueKeysWithValues: zip(system.variables.map(\.term), state))
  }

  private func holds(_ conditions: [Term], _ evaluation: inout Evaluation) -> Bool {
    for condition in conditions where !evaluation.isTrue(condition) { return false }
    return true
  }
}
