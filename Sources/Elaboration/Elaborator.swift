import Diagnostics
import Logic
package import Murphi
package import TransitionSystems

/// A model as terms, and what became of it on the way.
package struct Elaboration: Sendable {
  /// What the symbolic engines decide.
  package let system: TransitionSystem
  /// Leaves of the state: simple variables, fields and elements.
  package let leaves: Int
  /// Those that kept a variable for their definedness.
  package let definednessBits: Int
  /// By rule: how its copies were written.
  package let forms: [RulesetForm]
}

/// Turns a checked model into a transition system.
///
/// Every rule becomes one transition with variables for its parameters, or one per copy, whichever is estimated to be smaller;
/// bodies are executed symbolically (`SymbolicExecutor`). The meaning is `Execution`'s, to the property, place and words
/// of every failure; the two share no code.
///
/// **Definedness.** Undefinedness is a Boolean variable per leaf. A leaf loses it if it is defined in every start state and every
/// rule leaves it defined, given that all such leaves were: the greatest set of this kind is found by starting
/// from the leaves that all startstates define and removing those that a rule does not keep, until none is removed. Definedness
/// being constant in the resulting terms is what counts, so the set may be smaller than the truth, never larger.
///
/// Covers, at top level and in bodies, are executed for their failures only: covers are decided by explicit search.
package struct Elaborator: Sendable {
  let model: TypedModel
  let options: ElaborationOptions

  package init(_ model: TypedModel, options: ElaborationOptions = ElaborationOptions()) {
    self.model = model
    self.options = options
  }

  /// The transition system. Throws: where a construct has no finite form within the limits.
  package func elaborate() throws(ElaborationError) -> Elaboration {
    try checkSizes()
    var store = TermStore()
    var encoding = StateEncoding(model: model)
    let starts = try startTerms(encoding, &store)
    if options.dropsDefinedness {
      let all = [Bool](repeating: true, count: encoding.leaves.count)
      encoding.isAlwaysDefined = definedLeaves(starts.map(\.terms.memory), among: all, store)
    }
    let base = store
    var rules = try ruleTerms(encoding, &store)
    while options.dropsDefinedness {
      let kept = definedLeaves(rules.terms.map(\.terms.memory), among: encoding.isAlwaysDefined, store)
      if kept == encoding.isAlwaysDefined { break }
      encoding.isAlwaysDefined = kept
      store = base
      rules = try ruleTerms(encoding, &store)
    }
    return Elaboration(
      system: try system(encoding, starts: starts, rules: rules.terms, store),
      leaves: encoding.leaves.count, definednessBits: encoding.isAlwaysDefined.count { !$0 }, forms: rules.forms)
  }

  /// A copy of a rule with the rule it belongs to.
  private struct Placed: Sendable {
    let reference: RuleReference
    let terms: RuleTerms
  }

  /// Refuses states too large to be written out.
  private func checkSizes() throws(ElaborationError) {
    var left = options.limits.leaves
    for variable in model.variables {
      guard let size = Layout.concrete.size(of: variable.type, upTo: left) else {
        let executor = SymbolicExecutor(model: model, store: TermStore(), limits: options.limits)
        throw executor.refusal(.enumeration(values: options.limits.leaves), at: variable.range)
      }
      left -= size
    }
  }

  /// Which of the candidates are defined in all of these memories.
  private func definedLeaves(_ memories: [[Scalar]], among candidates: [Bool], _ store: TermStore) -> [Bool] {
    candidates.indices.map { leaf in
      candidates[leaf] && memories.allSatisfy { store.truth($0[leaf].defined) == true }
    }
  }

  /// Every startstate, as it is or copy by copy.
  private func startTerms(_ encoding: StateEncoding, _ store: inout TermStore) throws(ElaborationError) -> [Placed] {
    var starts: [Placed] = []
    for (index, start) in model.startstates.enumerated() {
      let reference = RuleReference(index: index, name: start.name ?? "startstate \(start.number)")
      let memory = encoding.undefinedMemory(&store)
      let (terms, _) = try RuleElaboration(model: model, options: options).terms(of: start, on: memory, &store)
      starts += terms.map { Placed(reference: reference, terms: $0) }
    }
    return starts
  }

  /// Every rule, in the form chosen for it.
  private func ruleTerms(
    _ encoding: StateEncoding, _ store: inout TermStore
  ) throws(ElaborationError) -> (terms: [Placed], forms: [RulesetForm]) {
    var placed: [Placed] = []
    var forms: [RulesetForm] = []
    for (index, rule) in model.rules.enumerated() {
      let reference = RuleReference(index: index, name: rule.name ?? "rule \(rule.number)")
      let memory = encoding.memory(&store)
      let (terms, form) = try RuleElaboration(model: model, options: options).terms(of: rule, on: memory, &store)
      placed += terms.filter { !$0.isIdle(store) }.map { Placed(reference: reference, terms: $0) }
      forms.append(form)
    }
    return (placed, forms)
  }

  /// Puts the parts together.
  private func system(
    _ encoding: StateEncoding, starts: [Placed], rules: [Placed], _ store: TermStore
  ) throws(ElaborationError) -> TransitionSystem {
    var store = store
    let variables = encoding.variables(&store)
    var system = TransitionSystem(store: TermStore())
    system.variables = variables
    system.layout = encoding.layout(of: model, &store)
    for start in starts {
      system.starts.append(
        StartState(
          rule: start.reference, parameters: start.terms.parameters, failures: start.terms.bodyFailures,
          dropped: start.terms.dropped, values: encoding.values(of: start.terms.memory, &store)))
    }
    for rule in rules {
      let values = encoding.values(of: rule.terms.memory, &store)
      let updates = values.indices.filter { values[$0] != variables[$0].term }
      system.transitions.append(
        Transition(
          rule: rule.reference, parameters: rule.terms.parameters, guardTerm: rule.terms.guardTerm,
          guardFailures: rule.terms.guardFailures, bodyFailures: rule.terms.bodyFailures, dropped: rule.terms.dropped,
          updates: updates.map { Update(variable: $0, value: values[$0]) },
          isRepresentative: rule.terms.isRepresentative))
    }
    var executor = SymbolicExecutor(model: model, store: store, limits: options.limits)
    let memory = encoding.memory(&executor.store)
    for assumption in model.assumptions {
      let terms = try executor.run(assumption, on: memory)
      system.assumptions.append(StateCondition(condition: terms.condition, failures: terms.failures))
    }
    for (position, property) in model.properties.enumerated() {
      let terms = try executor.run(property, on: memory)
      var representative: Term?
      if !options.symmetric.isEmpty, terms.failures.isEmpty {
        representative = try executor.representative(of: property, on: memory, symmetric: options.symmetric)
      }
      system.invariants.append(
        Invariant(
          property: .invariant(position), condition: terms.condition, representative: representative,
          failures: terms.failures))
    }
    for evaluation in model.covers.compactMap(\.evaluation) {
      system.coverFailures += try executor.run(evaluation, on: memory).failures
    }
    system.store = executor.store
    return system
  }
}
