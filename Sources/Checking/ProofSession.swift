import Logic
package import SMT

/// Puts obligations to Z3, in a session of its own that nothing else has touched.
///
/// Start states are asked about before the background is asserted: if no state satisfied it, everything would follow from it.
package struct ProofSession: ~Copyable {
  /// What became of an obligation.
  package enum Answer: Hashable, Sendable {
    /// It holds, and these lemmas were needed for it.
    case holds(lemmas: Set<Int>)
    /// It does not follow.
    case fails
    case stopped(UnknownReason)
  }

  package let obligations: Obligations
  private var session: SMTSession
  private let effort: UInt32
  private var hasBackground = false
  /// By lemma: true, it makes the lemma count.
  private var switches: [Term] = []
  /// How many obligations were asked.
  package private(set) var asked = 0

  /// `effort` bounds each question in Z3's rlimit units; 0 means no limit.
  package init(
    _ obligations: Obligations, effort: UInt32 = 0, interrupter: Interrupter = Interrupter()
  ) throws(SMTError) {
    self.obligations = obligations
    self.effort = effort
    let isQuantified = !obligations.sortNames.isEmpty
    session = try SMTSession(
      obligations.store, kind: isQuantified ? .simpleUntuned : .simple, interrupter: interrupter)
  }

  /// Whether an obligation holds if these lemmas do.
  package mutating func check(_ obligation: Obligation, assuming lemmas: some Sequence<Int>) throws(SMTError) -> Answer
  {
    asked += 1
    let effort = effort
    var assumptions: [Term] = []
    if !obligation.isAtStart {
      try assertBackground()
      assumptions = lemmas.map { switches[$0] }
    }
    let assumed = assumptions
    let answer = try session.scoped { session throws(SMTError) in
      for condition in obligation.conditions { try session.assert(condition) }
      return try session.check(assuming: assumed, effort: effort)
    }
    switch answer {
    case .unsatisfiable(let core):
      let needed = Set(core)
      return .holds(lemmas: Set(switches.indices.filter { needed.contains(switches[$0]) }))
    case .satisfiable: return .fails
    case .unknown(let reason): return .stopped(reason)
    }
  }

  private mutating func assertBackground() throws(SMTError) {
    if hasBackground { return }
    hasBackground = true
    for term in obligations.background { try session.assert(term) }
    for (number, lemma) in obligations.lemmas.enumerated() {
      let premise = session.store.variable("!lemma \(number)", .boolean)
      switches.append(premise)
      try session.assert(session.store.implies(premise, lemma))
    }
  }
}
