package import Logic
package import TransitionSystems

/// A transition system run by evaluating its terms, one concrete state at a time: what the symbolic engines ought to see.
///
/// Reads systems as `TransitionSystem` defines them and shares nothing with elaboration or engines.
package struct TermSemantics: Sendable {
  package let system: TransitionSystem

  package init(_ system: TransitionSystem) {
    self.system = system
  }

  /// A value per system variable.
  package typealias State = [TermValue]

  /// What a start or a step comes to. Steps that a guard or an assumption forbids are not there at all.
  package enum Outcome: Hashable, Sendable {
    case reaches(State)
    case dropped
    case fails(RunTimeFailure)
  }

  /// A start or step.
  package struct Step: Hashable, Sendable {
    package let firing: Firing
    package let outcome: Outcome
  }

  /// What is true of a condition in a state.
  package enum Truth: Hashable, Sendable {
    case holds
    case fails(RunTimeFailure)
    case isFalse
  }

  /// The parts of a start or transition that decide what comes of it.
  private struct Body {
    let rule: RuleReference
    let parameters: [Parameter]
    let guardTerm: Term?
    let guardFailures: [Failure]
    let bodyFailures: [Failure]
    let dropped: Term
    let successor: (inout Evaluation) -> State
  }

  /// Every start.
  package var starts: [Step] {
    system.starts.flatMap { start in
      steps(
        Body(
          rule: start.rule, parameters: start.parameters, guardTerm: nil, guardFailures: [],
          bodyFailures: start.failures, dropped: start.dropped,
          successor: { evaluation in start.values.map { evaluation.value(of: $0) } }),
        from: nil)
    }
  }

  /// Every step of a state, global assumptions aside.
  package func steps(from state: State) -> [Step] {
    system.transitions.flatMap { transition in
      steps(
        Body(
          rule: transition.rule, parameters: transition.parameters, guardTerm: transition.guardTerm,
          guardFailures: transition.guardFailures, bodyFailures: transition.bodyFailures, dropped: transition.dropped,
          successor: { evaluation in
            var next = state
            for update in transition.updates { next[update.variable] = evaluation.value(of: update.value) }
            return next
          }),
        from: state)
    }
  }

  /// One per choice of parameters.
  private func steps(_ body: Body, from state: State?) -> [Step] {
    choices(body.parameters).compactMap { choice in
      var assignment = state.map(self.assignment) ?? [:]
      assignment.merge(choice) { first, _ in first }
      var evaluation = Evaluation(system.store, assignment)
      for parameter in body.parameters {
        if let domain = parameter.domain, !evaluation.isTrue(domain) { return nil }
      }
      guard let outcome = outcome(body, &evaluation) else { return nil }
      let parameters = body.parameters.map { NamedValue($0.name, decode($0.decoding, &evaluation)) }
      return Step(
        firing: Firing(index: body.rule.index, name: body.rule.name, parameters: parameters), outcome: outcome)
    }
  }

  /// What comes of one choice; nil if the guard is false.
  private func outcome(_ body: Body, _ evaluation: inout Evaluation) -> Outcome? {
    if let failure = first(of: body.guardFailures, &evaluation) { return .fails(failure) }
    if let guardTerm = body.guardTerm, !evaluation.isTrue(guardTerm) { return nil }
    if let failure = first(of: body.bodyFailures, &evaluation) { return .fails(failure) }
    if evaluation.isTrue(body.dropped) { return .dropped }
    return .reaches(body.successor(&evaluation))
  }

  /// The failure that happens. Stops the test if two happen at once, which systems promise not to.
  private func first(of failures: [Failure], _ evaluation: inout Evaluation) -> RunTimeFailure? {
    var found: RunTimeFailure?
    for failure in failures where evaluation.isTrue(failure.condition) {
      precondition(found == nil, "two failures at once: \(String(describing: found)) and \(failure.report)")
      found = failure.report
    }
    return found
  }

  /// Whether a condition of states holds.
  package func check(_ condition: Term, _ failures: [Failure], in state: State) -> Truth {
    var evaluation = Evaluation(system.store, assignment(state))
    if let failure = first(of: failures, &evaluation) { return .fails(failure) }
    return evaluation.isTrue(condition) ? .holds : .isFalse
  }

  /// Whether every variable's pattern means something.
  package func isMeaningful(_ state: State) -> Bool {
    var evaluation = Evaluation(system.store, assignment(state))
    return system.variables.allSatisfy { variable in variable.domain.map { evaluation.isTrue($0) } ?? true }
  }

  /// The model's values.
  package func values(of state: State) -> [Value] {
    var evaluation = Evaluation(system.store, assignment(state))
    return system.layout.map { decode($0.decoding, &evaluation) }
  }

  /// Every meaningful state; nil if there are more patterns than `limit`.
  package func allStates(limit: Int) -> [State]? {
    var states: [State] = [[]]
    for variable in system.variables {
      let patterns = patterns(of: variable.term)
      guard states.count * patterns.count <= limit else { return nil }
      states = states.flatMap { state in patterns.map { state + [$0] } }
    }
    return states.filter(isMeaningful)
  }

  /// The state as an assignment.
  private func assignment(_ state: State) -> [Term: TermValue] {
    var assignment: [Term: TermValue] = [:]
    for (variable, value) in zip(system.variables, state) { assignment[variable.term] = value }
    return assignment
  }

  /// Every assignment of the parameters' variables.
  private func choices(_ parameters: [Parameter]) -> [[Term: TermValue]] {
    var choices: [[Term: TermValue]] = [[:]]
    for parameter in parameters {
      guard let variable = parameter.variable else { continue }
      choices = choices.flatMap { choice in
        patterns(of: variable).map { pattern in
          var longer = choice
          longer[variable] = pattern
          return longer
        }
      }
    }
    return choices
  }

  /// Every value of a variable's sort.
  private func patterns(of variable: Term) -> [TermValue] {
    switch system.store.sort(of: variable) {
    case .boolean: return [.boolean(false), .boolean(true)]
    case .bitVector(let width):
      precondition(width <= 12, "too wide to be enumerated")
      return (0..<(1 << width)).map { .bits(UInt128($0), width: width) }
    case .uninterpreted: preconditionFailure("elements are not enumerated here")
    }
  }

  /// Reads a value.
  private func decode(_ decoding: Decoding, _ evaluation: inout Evaluation) -> Value {
    switch decoding {
    case .fixed(let value): return value
    case .boolean(let term): return .boolean(evaluation.isTrue(term))
    case .signed(let term, let offset): return .integer(Int(evaluation.value(of: term).signed) + offset)
    case .unsigned(let term, let offset): return .integer(Int(evaluation.value(of: term).unsigned) + offset)
    case .table(let term, let values):
      let position = Int(evaluation.value(of: term).unsigned)
      return values.indices.contains(position) ? values[position] : .undefined
    case .defined(let condition, let inner):
      return evaluation.isTrue(condition) ? decode(inner, &evaluation) : .undefined
    case .record(let fields): return .record(fields.map { NamedValue($0.name, decode($0.decoding, &evaluation)) })
    case .array(let elements):
      return .array(elements.map { IndexedValue($0.index, decode($0.decoding, &evaluation)) })
    }
  }
}
