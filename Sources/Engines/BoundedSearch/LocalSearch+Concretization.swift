import Logic
import SMT
import TransitionSystems

/// Concretization: is a run of a local unrolling one of the system, and if not, what would have to be followed to see that?
extension LocalSearch {
  /// What a model's run turns out to be.
  enum Concretization {
    case run(SystemRun)
    /// Variables whose values in the model have a part in a step, or an end, that there is not.
    case spurious([Int])
  }

  /// The values of the variables in a state.
  private typealias Values = [Term: TermValue]

  /// Executes what fires in a model from its start, by evaluation, until something is not as the model says.
  ///
  /// Until then the variables that are followed have the model's values, so what differs is others.
  mutating func concretize(_ model: SMTModel, to depth: Int, _ target: Target) -> Concretization {
    let start = unrolling.copies.run(to: 0, reading: model.assignment, in: &session.store).start
    var state = values(at: start)
    var moves: [SystemRun.Choice] = []
    for step in 0...depth {
      var claimed = state
      let copies = unrolling.copies.state(step, in: &session.store)
      for (variable, copy) in zip(system.variables, copies) { claimed[variable.term] = model.assignment[copy] }
      // The state before the last is admitted; the last is if the target says so.
      if step < depth || target.transition != nil {
        let admitted = system.isAdmitted(in: &session.store)
        if let causes = causes(admitted, claimed, state) { return .spurious(causes) }
      }
      let fired =
        step == depth
        ? target.transition
        : unrolling.transitions.first { model.value(of: unrolling.fires($0, at: step, in: &session.store)).isTrue }
      guard let fired else {
        if step == depth { return ended(claimed, state, target, SystemRun(start: start, moves: moves)) }
        continue
      }
      let choice = choice(fired, at: step, model)
      let parameters = choice.parameters
      state.merge(parameters) { $1 }
      claimed.merge(parameters) { $1 }
      moves.append(choice)
      if step == depth { return ended(claimed, state, target, SystemRun(start: start, moves: moves)) }
      if let causes = fire(system.transitions[fired], claimed, &state) { return .spurious(causes) }
    }
    preconditionFailure("the last state ends a run")
  }

  private func ended(_ claimed: Values, _ state: Values, _ target: Target, _ run: SystemRun) -> Concretization {
    if let causes = causes(target.condition, claimed, state) { return .spurious(causes) }
    return .run(run)
  }

  /// Fires a transition. Returns: why it cannot be, or does not do what the model says; nil if all is well.
  private mutating func fire(_ transition: Transition, _ claimed: Values, _ state: inout Values) -> [Int]? {
    let enabled = transition.isEnabled(in: &session.store)
    if let causes = causes(enabled, claimed, state) { return causes }
    var evaluation = Evaluation(session.store, state)
    var next = state
    for update in transition.updates {
      let value = evaluation.value(of: update.value)
      if unrolling.isRevealed[update.variable], let causes = causes(update.value, claimed, state) { return causes }
      next[system.variables[update.variable].term] = value
    }
    state = next
    return nil
  }

  /// The variables that make a term another value in `state` than in `claimed`; nil if it has the same in both.
  ///
  /// *Heuristic*: in ascending order, each is given the state's value if the term then still has the claimed one.
  private func causes(_ term: Term, _ claimed: Values, _ state: Values) -> [Int]? {
    var mixed: Values = [:]
    var differing: [Term] = []
    for variable in session.store.freeVariables(of: [term]) {
      mixed[variable] = claimed[variable]
      if claimed[variable] != state[variable] { differing.append(variable) }
    }
    if differing.isEmpty { return nil }
    func value(_ values: Values) -> TermValue {
      var evaluation = Evaluation(session.store, values)
      return evaluation.value(of: term)
    }
    let expected = value(mixed)
    if value(state) == expected { return nil }
    var needed: [Int] = []
    for variable in differing {
      let kept = mixed[variable]
      mixed[variable] = state[variable]
      if value(mixed) == expected { continue }
      mixed[variable] = kept
      if let position = position(of: variable) { needed.append(position) }
    }
    return needed.filter { !unrolling.isRevealed[$0] }
  }

  /// The state that a start makes.
  private func values(at choice: SystemRun.Choice) -> Values {
    var evaluation = Evaluation(session.store, choice.parameters)
    let values = system.starts[choice.position].values.map { evaluation.value(of: $0) }
    return Dictionary(uniqueKeysWithValues: zip(system.variables.map(\.term), values))
  }

  /// A transition with the values that a model gives its parameters at a step.
  private mutating func choice(_ position: Int, at step: Int, _ model: SMTModel) -> SystemRun.Choice {
    var values: [Term: TermValue] = [:]
    for variable in system.transitions[position].parameters.compactMap(\.variable) {
      values[variable] = model.value(of: unrolling.copies.stamp(variable, at: step, in: &session.store))
    }
    return SystemRun.Choice(position: position, parameters: values)
  }
}
