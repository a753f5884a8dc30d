/// What an engine found out about one property, together with its evidence.
package enum Verdict: Hashable, Sendable {
  /// A run that ends in a state (or in a failing step) that violates the property.
  case violated(Trace, shortest: Bool)
  /// A run to a state that nothing leaves.
  case deadlock(Trace)
  /// Nothing was really checked.
  case vacuous(VacuityReason)
  /// Holds in every reachable state, at any depth.
  case proved(Evidence, sizes: Sizes)
  /// No violation up to this many transitions; nothing is said beyond.
  case bounded(depth: Int)
  /// The solver gave up.
  case unknown(reason: String)
  /// A budget ran out; says how far the search came.
  case limit(LimitReason, reached: Reached)
}

/// Why a proof is believed.
package enum Evidence: Hashable, Sendable {
  /// Every reachable state was visited.
  case search(states: Int, rulesFired: Int, diameter: Int)
  /// k-induction with the conjunction of all invariants as hypothesis.
  case kInduction(k: Int)
  /// An inductive invariant, re-checked in a fresh solver.
  case certificate(lemmas: Int)
}

/// For which sizes of the scalarsets a proof holds.
package enum Sizes: Hashable, Sendable {
  /// The constants of this scope.
  case thisScope
  /// Every size of every scalarset.
  case any
}

/// Why a property says nothing.
package enum VacuityReason: Hashable, Sendable {
  case noStartState
  /// No copy of this rule ever fires.
  case ruleNeverFires(name: String)
  /// The left side of this implication is never true.
  case implicationNeverTriggered(property: String)
  case coverNotReached(name: String)
}

/// Which budget ran out.
package enum LimitReason: Hashable, Sendable {
  case states(Int)
  case memory
  case time
  case solverEffort
  /// A range too wide to enumerate; says which.
  case enumeration(String)
  /// SIGINT, SIGTERM or a cancelled task.
  case interrupted
}

/// How far a search came before it stopped.
package struct Reached: Hashable, Sendable {
  /// Complete levels: every run of this many transitions was examined.
  package let depth: Int
  /// States visited; nil for engines that do not enumerate.
  package let states: Int?

  package init(depth: Int, states: Int? = nil) {
    self.depth = depth
    self.states = states
  }
}

extension Verdict {
  /// Whether the question is answered.
  package var isConclusive: Bool {
    switch self {
    case .violated, .deadlock, .vacuous, .proved: true
    case .bounded, .unknown, .limit: false
    }
  }
}

/// Two opinions that cannot both be right. Thrown, never swallowed.
package struct Contradiction: Error, Hashable, Sendable {
  /// What was asked.
  package let subject: String
  /// One opinion, with who holds it.
  package let first: String
  /// The other.
  package let second: String

  package init(subject: String, first: String, second: String) {
    self.subject = subject
    self.first = first
    self.second = second
  }
}
