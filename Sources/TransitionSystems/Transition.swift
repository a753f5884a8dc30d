package import Logic

/// A rule, or a copy of one, as a guarded simultaneous assignment. `TransitionSystem` says what its parts mean together.
package struct Transition: Hashable, Sendable {
  /// Which rule of the file.
  package let rule: RuleReference
  /// The quantifiers, outermost first. Empty for a rule without rulesets.
  package let parameters: [Parameter]
  /// May the rule fire? Over the state and the parameters; says nothing where a guard failure's condition holds.
  package let guardTerm: Term
  /// What goes wrong while the guard is evaluated.
  package let guardFailures: [Failure]
  /// What goes wrong while the body runs. The conditions need not repeat the guard.
  package let bodyFailures: [Failure]
  /// Where an `assume` statement of the body throws the firing away; false where there is none.
  package let dropped: Term
  /// The variables that the body may change, each at most once, ascending; the rest stay.
  package let updates: [Update]
  /// Whether it stands for itself, and not a representative for it: see `TransitionSystem`, "Representatives".
  package let isRepresentative: Bool

  package init(
    rule: RuleReference, parameters: [Parameter] = [], guardTerm: Term, guardFailures: [Failure] = [],
    bodyFailures: [Failure] = [], dropped: Term, updates: [Update], isRepresentative: Bool = true
  ) {
    self.rule = rule
    self.parameters = parameters
    self.guardTerm = guardTerm
    self.guardFailures = guardFailures
    self.bodyFailures = bodyFailures
    self.dropped = dropped
    self.updates = updates
    self.isRepresentative = isRepresentative
  }
}

/// A startstate, or a copy of one. Its terms mention parameters only: before it every variable of the model is undefined.
package struct StartState: Hashable, Sendable {
  /// Which startstate of the file.
  package let rule: RuleReference
  /// The quantifiers, outermost first.
  package let parameters: [Parameter]
  /// What goes wrong while the body runs.
  package let failures: [Failure]
  /// Where an `assume` statement of the body throws the start away; false where there is none.
  package let dropped: Term
  /// A term for each of the system's variables, in their order.
  package let values: [Term]

  package init(
    rule: RuleReference, parameters: [Parameter] = [], failures: [Failure] = [], dropped: Term, values: [Term]
  ) {
    self.rule = rule
    self.parameters = parameters
    self.failures = failures
    self.dropped = dropped
    self.values = values
  }
}

/// A rule or startstate as written once in the file.
package struct RuleReference: Hashable, Sendable {
  /// The position among the rules, or among the startstates, from 0: `Firing.index`.
  package let index: Int
  /// `Firing.name`.
  package let name: String

  package init(index: Int, name: String) {
    self.index = index
    self.name = name
  }
}

/// A ruleset's quantifier in a transition: expanded (one value) or symbolic (a variable).
package struct Parameter: Hashable, Sendable {
  /// The quantifier's name in the file.
  package let name: String
  /// How its value is read; `fixed` for an expanded one.
  package let decoding: Decoding
  /// The variable that stands for it; nil for an expanded one.
  ///
  /// Several transitions may use the same variable, for at each step one of them fires; it is never a state variable.
  package let variable: Term?
  /// A condition over the variable (and over parameters further out) that limits it to the quantifier's values; nil if all
  /// patterns are allowed.
  package let domain: Term?

  package init(_ name: String, decoding: Decoding, variable: Term? = nil, domain: Term? = nil) {
    self.name = name
    self.decoding = decoding
    self.variable = variable
    self.domain = domain
  }
}

/// What a variable becomes.
package struct Update: Hashable, Sendable {
  /// The position in `TransitionSystem.variables`.
  package let variable: Int
  /// Over the state before and the parameters; says nothing where the step does not exist.
  package let value: Term

  package init(variable: Int, value: Term) {
    self.variable = variable
    self.value = value
  }
}

/// A way in which a guard, body, invariant or assumption goes wrong.
package struct Failure: Hashable, Sendable {
  /// What to report: the property (`runTimeErrors`, or an assertion's own), the message and the place.
  package let report: RunTimeFailure
  /// Where exactly this one happens: evaluation gets as far as this place and no further.
  ///
  /// Requires: the conditions of one list exclude each other.
  package let condition: Term

  package init(report: RunTimeFailure, condition: Term) {
    self.report = report
    self.condition = condition
  }
}

/// The evaluation of an invariant or cover goes wrong.
package struct EvaluationFailure: Hashable, Sendable {
  /// The invariant, which does not hold there; nil for a cover.
  package let invariant: PropertyID?
  package let failure: Failure

  package init(invariant: PropertyID?, failure: Failure) {
    self.invariant = invariant
    self.failure = failure
  }
}
