import Logic
package import SMT
package import TransitionSystems

/// The engines' only door to SMT: questions about runs of one system, asked in one session that only ever grows.
///
/// Two kinds of path, both unrolled by `Unrolling` and lengthened step by step:
/// - from a start state (`examine`), for bounded search and for the base of induction;
/// - from any state (`InductionStep`), for the step of induction.
///
/// **Solvers**, measured with Z3 4.8.12 on a loaded machine of two cores (seconds, ±30 %; in a cell: the choice of the rule as a
/// bit-vector / as one Boolean per rule; ">45" was stopped):
///
/// | question                                    | QF_FD       | QF_BV       | simple      |
/// |---------------------------------------------|-------------|-------------|-------------|
/// | search, toy-sept, depth 14                  | 0.73 / 0.96 | 0.69 / 1.39 | 3.95 / 0.97 |
/// | search, vm-types, depth 6                   | 0.53 / 0.46 | 0.32 / 0.35 | 0.36 / 0.40 |
/// | search, coco-flags, depth 14                | 1.01 / 1.09 | 0.81 / 0.92 | 1.50 / 1.19 |
/// | search, sept-teardown, depth 10             | 15.0 / 19.7 | 15.3 / 18.2 | >45 / >45   |
/// | search, sept-teardown, HKID first, depth 9  | 7.8         | 7.6         | – / 38.9    |
/// | induction, vm-types, k ≤ 4                  | 4.31        | 3.72        | 1.40 / 0.86 |
/// | induction, coco-flags, k ≤ 4                | 1.35        | 1.18        | 0.72 / 0.88 |
/// | induction, sept-teardown, k ≤ 3             | >30         | >30         | 4.85 / 4.56 |
///
/// (`induction` had its base in the same solver.) So: QF_FD with a bit-vector for searching, which the tuned simple solver loses as
/// soon as paths grow; the simple solver for the step, where a round asks a dozen questions that differ in their assumptions.
/// QF_BV is as good as QF_FD here, for both end in the same SAT solver; QF_FD refuses by itself what is not finite.
///
/// A run that Z3 claims is read as choices alone and evaluated; one that does not end as claimed is a `Contradiction`.
package struct Queries: ~Copyable {
  /// How the questions are put to Z3.
  package struct Options: Hashable, Sendable {
    package var kind: SolverKind
    package var choice: Unrolling.ChoiceEncoding

    package init(kind: SolverKind, choice: Unrolling.ChoiceEncoding) {
      self.kind = kind
      self.choice = choice
    }

    /// For paths from a start state: few, hard questions.
    package static let unrolling = Options(kind: .logic("QF_FD"), choice: .selector)
    /// For the step of induction: many questions about one short path.
    package static let incremental = Options(kind: .simple, choice: .oneHot)
  }

  /// What examining one depth found.
  package enum Examination {
    /// The depth is done; these properties are violated there.
    case done([PropertyID: Trace])
    /// The solver stopped; these were found before.
    case stopped(UnknownReason, [PropertyID: Trace])
  }

  package let system: TransitionSystem
  var session: SMTSession
  var unrolling: Unrolling

  /// Opens a session about a system.
  package init(
    _ system: TransitionSystem, options: Options, interrupter: Interrupter
  ) throws(SMTError) {
    self.system = system
    session = try SMTSession(system.store, kind: options.kind, interrupter: interrupter)
    unrolling = Unrolling(system, encoding: options.choice)
  }

  /// Looks for runs of exactly `depth` transitions that end in a violation of one of the properties, and lengthens the path.
  ///
  /// Requires: called for depths 0, 1, 2, … in turn. Throws: `Contradiction` if a run that Z3 claims does not evaluate.
  package mutating func examine(
    depth: Int, for properties: [PropertyID], effort: UInt32
  ) throws -> Examination {
    var found: [PropertyID: Trace] = [:]
    // I(−1) ∧ startFails, or P(d−1) ∧ stepFails(d−1): the last thing tried fails.
    let failing = properties.map { property in
      depth == 0
        ? unrolling.startFails(property, in: &session.store)
        : unrolling.stepFails(property, at: depth - 1, in: &session.store)
    }
    if let reason = try search(failing, properties, depth, effort, &found) { return .stopped(reason, found) }
    // P(d) := P(d−1) ∧ T(s[d−1], s[d])
    let lengthening =
      depth == 0
      ? unrolling.start(in: &session.store) : unrolling.move(depth - 1, in: &session.store)
    try session.assert(lengthening)
    // P(d) ∧ an assumption's evaluation fails in s[d]
    let arriving = properties.map { unrolling.arrivalFails($0, at: depth, in: &session.store) }
    if let reason = try search(arriving, properties, depth, effort, &found) { return .stopped(reason, found) }
    try session.assert(unrolling.admitted(depth, in: &session.store))
    // P(d) ∧ admitted(s[d]) ∧ ¬p(s[d])
    let violating = properties.map { unrolling.violates($0, at: depth, in: &session.store) }
    if let reason = try search(violating, properties, depth, effort, &found) { return .stopped(reason, found) }
    return .done(found)
  }

  /// Asks for one of the conditions after the other, all open ones at a time: one query when none can be met.
  private mutating func search(
    _ conditions: [Term], _ properties: [PropertyID], _ depth: Int, _ effort: UInt32,
    _ found: inout [PropertyID: Trace]
  ) throws -> UnknownReason? {
    while true {
      let open = zip(conditions, properties).filter { found[$0.1] == nil }.map(\.0)
      let any = session.store.or(open)
      if session.store.constant(any) == .boolean(false) { return nil }
      let variables = unrolling.runVariables(to: depth, in: &session.store)
      switch try session.check(assuming: [any], reading: variables, effort: effort) {
      case .unsatisfiable:
        // What no run of this length can meet stays in the session: it follows, and longer runs are refuted sooner by it.
        try session.assert(session.store.not(any))
        return nil
      case .unknown(let reason): return reason
      case .satisfiable(let model):
        let run = unrolling.run(to: depth, reading: model.assignment, in: &session.store)
        let outcome = system.evaluate(run)
        let hit = properties.filter { found[$0] == nil && outcome?.violated.contains($0) == true }
        guard let outcome, !hit.isEmpty else {
          throw Contradiction(
            subject: "a run of \(depth) transitions", first: "Z3: it ends in a violation of one of \(properties)",
            second: "evaluation: \(outcome.map { "it violates \($0.violated)" } ?? "there is no such run")")
        }
        for property in hit { found[property] = outcome.trace(violating: property) }
      }
    }
  }
}

extension Verdict {
  /// The verdict of a search that the solver stopped. `cleared` is the last depth that was done; −1 if none was.
  static func stopped(_ reason: UnknownReason, cleared: Int) -> Verdict {
    switch reason {
    case .effort: .limit(.solverEffort, reached: Reached(depth: cleared))
    case .interrupted(.cancelled): .limit(.interrupted, reached: Reached(depth: cleared))
    case .interrupted(.deadline): .limit(.time, reached: Reached(depth: cleared))
    case .solver(let text): .unknown(reason: text)
    }
  }
}

extension PropertyID {
  /// Whether the symbolic engines decide it. Deadlock and covers are the explicit search's.
  var isSymbolic: Bool {
    switch self {
    case .invariant, .assertion, .runTimeErrors: true
    case .deadlock, .cover: false
    }
  }
}
