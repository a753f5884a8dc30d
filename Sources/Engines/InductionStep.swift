import Logic
package import SMT
package import TransitionSystems

/// The step of k-induction: a path of k transitions from any state, growing with k.
///
/// Each candidate p has a switch h(p): when on, p is assumed of states 0 … k−1. So a candidate that turns out not to be
/// inductive is switched off without asserting anything anew (Houdini: Flanagan, Leino, 2001).
package struct InductionStep: ~Copyable {
  private var queries: Queries
  private let paths: KInduction.Paths
  private let effort: UInt32
  /// The candidates, in a fixed order.
  private let candidates: [PropertyID]
  private let switches: [PropertyID: Term]
  /// Whether state variables may be assumed to hold codes that mean something.
  private var assumesDomain = false
  private var proved: Set<PropertyID> = []
  private var length = 0

  /// What one round found.
  package enum Round {
    /// These candidates hold in every reachable state, if they hold at depths 0 … k−1.
    case inductive([PropertyID])
    case stopped(UnknownReason)
  }

  package init(
    _ queries: consuming Queries, candidates: [PropertyID], paths: KInduction.Paths, effort: UInt32
  ) throws(SMTError) {
    self.queries = queries
    self.paths = paths
    self.effort = effort
    self.candidates = candidates
    var switches: [PropertyID: Term] = [:]
    for candidate in candidates {
      switches[candidate] = self.queries.session.store.variable("!hypothesis \(candidate)", .boolean)
    }
    self.switches = switches
    assumesDomain = try domainIsInductive()
    try admitLastState()
  }

  /// Start states and steps keep every variable's domain; then, and only then, it is assumed.
  private mutating func domainIsInductive() throws(SMTError) -> Bool {
    let first = queries.unrolling.domain(0, in: &queries.session.store)
    let second = queries.unrolling.domain(1, in: &queries.session.store)
    let start = queries.unrolling.start(in: &queries.session.store)
    let move = queries.unrolling.move(0, in: &queries.session.store)
    let outside = queries.session.store.not(first)
    let left = queries.session.store.not(second)
    // I(s0) ∧ ¬D(s0), and D(s0) ∧ T(s0, s1) ∧ ¬D(s1)
    for question in [[start, outside], [first, move, left]] {
      let effort = effort
      let answer = try queries.session.scoped { session throws(SMTError) in
        for term in question { try session.assert(term) }
        return try session.check(effort: effort)
      }
      guard case .unsatisfiable = answer else { return false }
    }
    return true
  }

  /// The last state of the path is admitted and in its domain, and satisfies what is proved or switched on.
  private mutating func admitLastState() throws(SMTError) {
    if assumesDomain { try queries.session.assert(queries.unrolling.domain(length, in: &queries.session.store)) }
    try queries.session.assert(queries.unrolling.admitted(length, in: &queries.session.store))
    for candidate in candidates {
      guard let premise = switches[candidate] else { continue }
      let violated = queries.unrolling.violates(candidate, at: length, in: &queries.session.store)
      let holds = queries.session.store.not(violated)
      let conditional = queries.session.store.implies(premise, holds)
      try queries.session.assert(proved.contains(candidate) ? holds : conditional)
    }
  }

  /// Which of the open candidates are k-inductive together, for k one more than in the round before; then lengthens the path.
  ///
  /// The greatest such set: starts with all and drops those that a model violates until none does.
  package mutating func nextRound(open: [PropertyID]) throws -> Round {
    let conditions = open.map { bad($0) }
    var remaining = Array(zip(open, conditions))
    while !remaining.isEmpty {
      let any = queries.session.store.or(remaining.map(\.1))
      if queries.session.store.constant(any) == .boolean(false) { break }
      let hypothesis = remaining.compactMap { switches[$0.0] }
      let reading = remaining.map(\.1) + stateVariables()
      // p(s0 … s[k−1]) ∧ T^k ∧ bad(s[k])
      switch try queries.session.check(assuming: hypothesis + [any], reading: reading, effort: effort) {
      case .unknown(let reason): return .stopped(reason)
      case .unsatisfiable:
        try lengthen(with: remaining.map(\.0))
        return .inductive(remaining.map(\.0))
      case .satisfiable(let model):
        if try separateEqualStates(model) { continue }
        remaining.removeAll { model.value(of: $0.1).isTrue }
      }
    }
    try lengthen(with: remaining.map(\.0))
    return .inductive(remaining.map(\.0))
  }

  /// bad(s[k]): step k − 1 fails, or leads to a state that is not looked at without failure or violates the property.
  private mutating func bad(_ property: PropertyID) -> Term {
    let fails = queries.unrolling.stepFails(property, at: length, in: &queries.session.store)
    let move = queries.unrolling.move(length, in: &queries.session.store)
    let arrival = queries.unrolling.arrivalFails(property, at: length + 1, in: &queries.session.store)
    let admitted = queries.unrolling.admitted(length + 1, in: &queries.session.store)
    let violates = queries.unrolling.violates(property, at: length + 1, in: &queries.session.store)
    let looked = queries.session.store.or(arrival, queries.session.store.and(admitted, violates))
    return queries.session.store.or(fails, queries.session.store.and(move, looked))
  }

  /// Makes the path one transition longer. Newly proved properties hold in all its states from now on.
  private mutating func lengthen(with inductive: [PropertyID]) throws(SMTError) {
    for property in inductive {
      proved.insert(property)
      if let premise = switches[property] { try queries.session.assert(premise) }
    }
    try queries.session.assert(queries.unrolling.move(length, in: &queries.session.store))
    length += 1
    try admitLastState()
  }

  // Simple paths.

  private mutating func stateVariables() -> [Term] {
    switch paths {
    case .any: return []
    case .simple: return (0...length).flatMap { queries.unrolling.state($0, in: &queries.session.store) }
    }
  }

  /// If two states of the model's path are equal, forbids that and says so.
  ///
  /// A shortest run to a violation repeats no state, so nothing is lost. Pairs are forbidden only when they occur: all of them
  /// at once would be quadratic in k from the start.
  private mutating func separateEqualStates(_ model: SMTModel) throws(SMTError) -> Bool {
    guard paths == .simple else { return false }
    var seen: [[TermValue]: Int] = [:]
    for step in 0...length {
      let variables = queries.unrolling.state(step, in: &queries.session.store)
      let values = variables.map { model.value(of: $0) }
      if let earlier = seen.updateValue(step, forKey: values) {
        let others = queries.unrolling.state(earlier, in: &queries.session.store)
        let same = zip(variables, others).map { queries.session.store.equal($0, $1) }
        let equal = queries.session.store.and(same)
        try queries.session.assert(queries.session.store.not(equal))
        return true
      }
    }
    return false
  }
}
