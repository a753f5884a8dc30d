import Logic
import Murphi
import TransitionSystems

/// What a copy of a rule or startstate does, as terms.
struct RuleTerms: Sendable {
  let parameters: [Parameter]
  let guardTerm: Term
  let guardFailures: [Failure]
  let bodyFailures: [Failure]
  let dropped: Term
  /// The leaves of the state afterwards; of no meaning where the run failed.
  let memory: [Scalar]
  /// `RuleCopy.isRepresentative`
  let isRepresentative: Bool

  /// Whether it says nothing: it never fires and never fails.
  func isIdle(_ store: TermStore) -> Bool { store.truth(guardTerm) == false && guardFailures.isEmpty }
}

/// A condition on states, as terms.
struct ConditionTerms: Sendable {
  let condition: Term
  let failures: [Failure]
}

/// Whole rules, startstates and properties.
extension SymbolicExecutor {
  /// Runs guard and body of one copy on a memory of state variables.
  mutating func run(_ rule: Rule, _ copy: RuleCopy, on memory: [Scalar]) throws(ElaborationError) -> RuleTerms {
    begin(memory, locals: rule.locals)
    var guardTerm = store.boolean(true)
    if let expression = rule.guardExpression {
      try bind(rule.enclosures, copy)
      guardTerm = try evaluateTruth(expression)
      if isDead { guardTerm = store.boolean(false) }
    }
    let guardEndings = endings.count
    if store.truth(guardTerm) == true || store.truth(guardTerm) == nil {
      try bind(rule.enclosures, copy)
      try execute(rule.body)
      if !isDead { frame.exits.append(Frame.Exit(state: state, value: [])) }
    }
    let after = leave()?.state.memory ?? memory
    var earlier = store.boolean(false)
    let (guardFailures, guardDropped) = exclusive(endings[..<guardEndings], after: &earlier)
    let (bodyFailures, bodyDropped) = exclusive(endings[guardEndings...], after: &earlier)
    return RuleTerms(
      parameters: copy.parameters, guardTerm: guardTerm, guardFailures: guardFailures, bodyFailures: bodyFailures,
      dropped: store.or(guardDropped, bodyDropped), memory: Array(after[..<memory.count]),
      isRepresentative: copy.isRepresentative)
  }

  /// Gives a copy's quantifiers their values and its aliases their targets, outermost first.
  private mutating func bind(_ enclosures: [Enclosure], _ copy: RuleCopy) throws(ElaborationError) {
    var values = copy.values[...]
    for enclosure in enclosures {
      switch enclosure {
      case .quantifier(let quantifier): set(quantifier.local, to: [defined(values.removeFirst())])
      case .alias(let alias): try bind(alias)
      }
    }
  }

  /// All copies of a property: a later one is evaluated only where the earlier ones hold.
  ///
  /// A copy whose evaluation a function's `assume` throws away counts as holding.
  mutating func run(_ property: Property, on memory: [Scalar]) throws(ElaborationError) -> ConditionTerms {
    let copies = try copies(of: property.enclosures, locals: property.locals)
    var holds = store.boolean(true)
    var failures: [Failure] = []
    for copy in copies where store.truth(holds) != false {
      begin(memory, locals: property.locals)
      state.path = holds
      try bind(property.enclosures, copy)
      let value = try evaluateTruth(property.expression)
      var earlier = store.or(failures.map(\.condition))
      let (found, dropped) = exclusive(endings[...], after: &earlier)
      failures += found
      holds = store.and(holds, store.or(value, dropped))
    }
    return ConditionTerms(condition: holds, failures: failures)
  }

  /// A property whose quantifiers may range over open scalarsets; its meaning as above.
  mutating func runOpen(_ property: Property, on memory: [Scalar]) throws(ElaborationError) -> ConditionTerms {
    begin(memory, locals: property.locals)
    let value = try conjunction(of: property.expression, below: property.enclosures[...])
    var earlier = store.boolean(false)
    let (failures, dropped) = exclusive(endings[...], after: &earlier)
    return ConditionTerms(condition: store.or(value, dropped), failures: failures)
  }

  /// The expression for all values of the quantifiers around it.
  private mutating func conjunction(
    of expression: Expression, below enclosures: ArraySlice<Enclosure>
  ) throws(ElaborationError) -> Term {
    guard let first = enclosures.first else { return try evaluateTruth(expression) }
    let inner = enclosures.dropFirst()
    switch first {
    case .alias(let alias):
      try bind(alias)
      return try conjunction(of: expression, below: inner)
    case .quantifier(let quantifier):
      if let domain = openDomain(of: quantifier) {
        let fails = try someInstance(of: quantifier, over: domain) { executor throws(ElaborationError) in
          let value = try executor.conjunction(of: expression, below: inner)
          return executor.store.not(value)
        }
        return store.not(fails)
      }
      var holds = store.boolean(true)
      let before = state.path
      for payload in try payloads(of: quantifier, locals: frame.locals) where store.truth(holds) != false {
        set(quantifier.local, to: [defined(payload)])
        state.path = store.and(before, holds)
        let value = try conjunction(of: expression, below: inner)
        holds = store.and(holds, value)
      }
      state.path = before
      return holds
    }
  }

  /// Endings as failures whose conditions exclude each other, and where an `assume` ends the run.
  ///
  /// `earlier` is where an ending came before. Endings with one report become one failure.
  private mutating func exclusive(
    _ endings: ArraySlice<Ending>, after earlier: inout Term
  ) -> (failures: [Failure], dropped: Term) {
    var order: [RunTimeFailure] = []
    var conditions: [RunTimeFailure: Term] = [:]
    var dropped = store.boolean(false)
    for ending in endings {
      let first = store.and(ending.condition, store.not(earlier))
      earlier = store.or(earlier, ending.condition)
      guard let report = ending.report else {
        dropped = store.or(dropped, first)
        continue
      }
      if let known = conditions[report] {
        conditions[report] = store.or(known, first)
      } else {
        order.append(report)
        conditions[report] = first
      }
    }
    var failures: [Failure] = []
    for report in order {
      if let condition = conditions[report], store.truth(condition) != false {
        failures.append(Failure(report: report, condition: condition))
      }
    }
    return (failures, dropped)
  }
}
