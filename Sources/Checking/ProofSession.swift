package import Logic
package import SMT

/// Puts obligations to Z3, in a session of its own that nothing else has touched.
///
/// Quantified obligations are tried by matching alone first: nearly all that follow do so at once. What is left open is put to a second
/// session that looks for models as well, which decides more and may take for ever.
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
  private var first: PreparedSession
  /// Decides more, at any price; made when it is needed.
  private var second: PreparedSession?
  /// How often the second session may yet fail to decide: where it does so often, the lemmas are at fault.
  private var patience = 24
  private let effort: UInt32
  private let interrupter: Interrupter
  /// How many obligations were asked.
  package private(set) var asked = 0

  /// `effort` bounds each question in Z3's rlimit units; 0 means no limit.
  package init(
    _ obligations: Obligations, effort: UInt32 = 0, interrupter: Interrupter = Interrupter()
  ) throws(SMTError) {
    self.obligations = obligations
    self.effort = effort
    self.interrupter = interrupter
    first = try PreparedSession(
      obligations, kind: obligations.sortNames.isEmpty ? .simple : .matching, interrupter: interrupter)
  }

  /// Whether an obligation holds if these lemmas do. `isRefuted` is asked where matching leaves it open, before the second session.
  package mutating func check(
    _ obligation: Obligation, assuming lemmas: some Sequence<Int>, isRefuted: () throws(SMTError) -> Bool = { false }
  ) throws(SMTError) -> Answer {
    asked += 1
    let lemmas = Array(lemmas)
    let answer = try first.check(obligation, assuming: lemmas, of: obligations, effort: effort)
    guard case .stopped(.solver) = answer, !obligations.sortNames.isEmpty else { return answer }
    if try isRefuted() { return .fails }
    if patience == 0 { return answer }
    var session: PreparedSession
    if let made = second.take() {
      session = made
    } else {
      session = try PreparedSession(obligations, kind: .simpleUntuned, interrupter: interrupter)
    }
    let other = try session.check(obligation, assuming: lemmas, of: obligations, effort: effort)
    second = consume session
    if case .stopped = other { patience -= 1 }
    return other
  }

  /// The values of terms where an obligation does not follow from lemmas; nil if it follows, or nobody knows.
  package mutating func counterexample(
    to obligation: Obligation, assuming lemmas: some Sequence<Int>, reading terms: [Term]
  ) throws(SMTError) -> SMTModel? {
    asked += 1
    let answer = try first.ask(obligation, assuming: Array(lemmas), of: obligations, reading: terms, effort: effort)
    guard case .satisfiable(let model) = answer else { return nil }
    return model
  }
}

/// A session with the background and the lemmas, each behind a switch.
private struct PreparedSession: ~Copyable {
  private var session: SMTSession
  private var hasBackground = false
  /// By lemma: true, it makes the lemma count.
  private var switches: [Term] = []

  init(_ obligations: Obligations, kind: SolverKind, interrupter: Interrupter) throws(SMTError) {
    session = try SMTSession(obligations.store, kind: kind, interrupter: interrupter)
  }

  mutating func check(
    _ obligation: Obligation, assuming lemmas: [Int], of obligations: Obligations, effort: UInt32
  ) throws(SMTError) -> ProofSession.Answer {
    switch try ask(obligation, assuming: lemmas, of: obligations, effort: effort) {
    case .unsatisfiable(let core):
      let needed = Set(core)
      return .holds(lemmas: Set(switches.indices.filter { needed.contains(switches[$0]) }))
    case .satisfiable: return .fails
    case .unknown(let reason): return .stopped(reason)
    }
  }

  /// Whether an obligation's conditions can all be true, and with which values of some terms.
  mutating func ask(
    _ obligation: Obligation, assuming lemmas: [Int], of obligations: Obligations, reading terms: [Term] = [],
    effort: UInt32
  ) throws(SMTError) -> SMTAnswer {
    var assumptions: [Term] = []
    if !obligation.isAtStart {
      try assertBackground(of: obligations)
      assumptions = lemmas.map { switches[$0] }
    }
    let assumed = assumptions
    return try session.scoped { session throws(SMTError) in
      for condition in obligation.conditions { try session.assert(condition) }
      return try session.check(assuming: assumed, reading: terms, effort: effort)
    }
  }

  private mutating func assertBackground(of obligations: Obligations) throws(SMTError) {
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
