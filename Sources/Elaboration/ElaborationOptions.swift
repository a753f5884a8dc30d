/// How rulesets become transitions.
package enum RulesetForm: Hashable, Sendable, CaseIterable {
  /// Per rule, whichever is estimated to be smaller.
  case smaller
  /// One transition per rule, with variables for its parameters, wherever the quantifiers' values are consecutive.
  case symbolic
  /// One transition per copy.
  case expanded
}

/// What elaboration may spend. Counts, so that the same model always comes out the same.
package struct ElaborationLimits: Hashable, Sendable {
  /// Passes of one `while` or run-time `for`.
  package var passes = 256
  /// Calls within calls.
  package var depth = 64
  /// Values of one loop, quantifier or array index.
  package var values = 4096
  /// Leaves of the state.
  package var leaves = 1 << 16
  /// Copies of one rule.
  package var copies = 1 << 14
  /// Expressions and statements executed for one rule, startstate or property.
  package var steps = 4_000_000
  /// Terms of the whole system.
  package var terms = 20_000_000

  package init() {}
}

/// Everything that a user of `Elaborator` may choose.
package struct ElaborationOptions: Hashable, Sendable {
  package var rulesets: RulesetForm = .smaller
  /// Whether leaves that are always defined lose their definedness bit.
  package var dropsDefinedness = true
  /// Scalarsets, by position among the model's, whose elements the model cannot tell apart: the system then says which violations
  /// represent all. `ParameterizedElaborator` finds out which these are.
  package var symmetric: Set<Int> = []
  package var limits = ElaborationLimits()

  package init() {}
}
