/// Which of Z3's solvers a session uses. `Engines/Queries` says which ones the engines take, with figures.
package enum SolverKind: Hashable, Sendable {
  /// `Z3_mk_solver`: picks tactics by itself until something incremental is asked of it.
  case standard
  /// `Z3_mk_simple_solver` with `auto_config=false` and `relevancy=0`: the incremental core, nothing else.
  case simple
  /// `Z3_mk_simple_solver` as it comes: matching, and models that are checked and refined (`mbqi`).
  case simpleUntuned
  /// `Z3_mk_simple_solver` with `mbqi=false`: quantifiers are instantiated by matching alone, which ends soon and never says
  /// `satisfiable` where there are any.
  case matching
  /// `Z3_mk_solver_for_logic`, such as `QF_FD` (everything to a SAT solver) or `QF_BV`.
  case logic(String)
}
