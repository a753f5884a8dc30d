import Logic
package import SMT
package import TransitionSystems

/// Questions about paths of one system from any state, asked in one session that only ever grows: what the step of induction
/// (`InductionStep`) is made of. Paths from a start state, for bounded search and for the base of induction, are `LocalSearch`'s.
///
/// **Solvers**, measured with Z3 4.8.12 on a loaded machine of two cores (seconds, ±30 %; in a cell: the choice of the rule as a
/// bit-vector / as one Boolean per rule; ">30" was stopped). The base was in the same solver, and an unrolling of everything:
///
/// | question                                    | QF_FD       | QF_BV       | simple      |
/// |---------------------------------------------|-------------|-------------|-------------|
/// | induction, vm-types, k ≤ 4                  | 4.31        | 3.72        | 1.40 / 0.86 |
/// | induction, coco-flags, k ≤ 4                | 1.35        | 1.18        | 0.72 / 0.88 |
/// | induction, sept-teardown, k ≤ 3             | >30         | >30         | 4.85 / 4.56 |
///
/// So the simple solver for the step, where a round asks a dozen questions that differ in their assumptions. Bounded search takes
/// QF_FD: the simple solver loses as soon as paths grow (sept-teardown to depth 10: 48 s instead of 9), and QF_BV is no better, for both
/// end in the same SAT solver; QF_FD refuses by itself what is not finite.
package struct Queries: ~Copyable {
  /// How the questions are put to Z3.
  package struct Options: Hashable, Sendable {
    package var kind: SolverKind
    package var choice: Unrolling.ChoiceEncoding

    package init(kind: SolverKind, choice: Unrolling.ChoiceEncoding) {
      self.kind = kind
      self.choice = choice
    }

    /// For the step of induction: many questions about one short path.
    package static let incremental = Options(kind: .simple, choice: .oneHot)
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
