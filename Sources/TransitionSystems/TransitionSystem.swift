package import Logic

/// A model as guarded transitions over terms: what the symbolic engines decide.
///
/// **Meaning.** A state is a value for each of `variables`. It starts from a `StartState` and moves by a `Transition` with values
/// for its parameters; both are functions, so a run is a start, then (transition, parameters) pairs, and every state follows.
/// Writing `guardFailure`, `bodyFailure` for "one of the conditions holds":
///
/// - a step exists from s to s' by t iff `domain(parameters) ∧ ¬guardFailure ∧ guard ∧ ¬bodyFailure ∧ ¬dropped`, s' is s with
///   t's updates done at once, and s' is *admitted*: no assumption fails or is false there;
/// - t fails in s iff `domain(parameters) ∧ (guardFailure ∨ guard ∧ bodyFailure)`: the run ends there, and the condition that
///   holds names the property that is violated;
/// - starts likewise (they have no guard);
/// - in an admitted state s an invariant is violated iff `failure ∨ ¬condition`: it holds where it is evaluated and true, and
///   nowhere else. A failure of its evaluation violates the failure's own property as well;
/// - assumptions are evaluated in order until one is not met: one that fails violates the failure's property, one that is false
///   drops the state silently.
///
/// The step relation is not total: a model may stop.
///
/// Conditions are terms over the current state's variables and the rule's parameters only. There are no primed variables: a
/// next-state condition is made by substitution, an unrolling by renaming (`Unrolling`).
///
/// **Representatives.** Where a model cannot tell the elements of some scalarsets apart, every permutation of them takes runs to
/// runs. A run that violates a property in one way is then as long as one that violates it in the way's representative, which names
/// the elements in their order. Of a system that was made with such scalarsets `Invariant.representative` and
/// `Transition.isRepresentative` say which ways these are; of any other, all are. Only questions about runs *from the start* may
/// leave the rest out.
///
/// Everything of a system refers to `store`. An engine copies the store and builds on.
package struct TransitionSystem: Sendable {
  /// Every term of the system.
  package var store: TermStore
  /// The state, in a fixed order.
  package var variables: [SystemVariable]
  /// How a state reads as the model's variables, in file order.
  package var layout: [ModelVariable]
  package var starts: [StartState]
  package var transitions: [Transition]
  /// Which states are considered at all, start states included.
  package var assumptions: [StateCondition]
  package var invariants: [Invariant]
  /// How evaluating top-level covers in a state can fail, each for itself: several may be true at once. Whether they are hit is nothing that terms decide.
  package var coverFailures: [Failure]

  package init(
    store: TermStore, variables: [SystemVariable] = [], layout: [ModelVariable] = [], starts: [StartState] = [],
    transitions: [Transition] = [], assumptions: [StateCondition] = [], invariants: [Invariant] = [],
    coverFailures: [Failure] = []
  ) {
    self.store = store
    self.variables = variables
    self.layout = layout
    self.starts = starts
    self.transitions = transitions
    self.assumptions = assumptions
    self.invariants = invariants
    self.coverFailures = coverFailures
  }
}

/// A variable of the state.
package struct SystemVariable: Hashable, Sendable {
  /// A `variable` of the store.
  package let term: Term
  /// A condition over this variable alone that every start and update establishes, such as "the code is one that means
  /// something"; nil when all patterns mean something.
  ///
  /// Engines may assume it of unreached states once they have proved that steps keep it; they never trust it.
  package let domain: Term?

  package init(_ term: Term, domain: Term? = nil) {
    self.term = term
    self.domain = domain
  }
}

/// A variable of the model, and how its value is read from a state.
package struct ModelVariable: Hashable, Sendable {
  package let name: String
  package let decoding: Decoding

  package init(_ name: String, _ decoding: Decoding) {
    self.name = name
    self.decoding = decoding
  }
}

/// How a `Value` is put together from terms. The terms are evaluated in a state (or, for a parameter, in a choice of parameters).
package indirect enum Decoding: Hashable, Sendable {
  /// Always this value.
  case fixed(Value)
  /// A Boolean term.
  case boolean(Term)
  /// A bit-vector, read in two's complement, plus a number.
  case signed(Term, offset: Int)
  /// A bit-vector, read without sign, plus a number.
  case unsigned(Term, offset: Int)
  /// A bit-vector, read without sign, as a position in the list; beyond the list: undefined.
  case table(Term, [Value])
  /// Undefined where the Boolean term is false, else the inner reading.
  case defined(Term, Decoding)
  case record([DecodedField])
  case array([DecodedElement])
}

/// A field of a decoded record.
package struct DecodedField: Hashable, Sendable {
  package let name: String
  package let decoding: Decoding

  package init(_ name: String, _ decoding: Decoding) {
    self.name = name
    self.decoding = decoding
  }
}

/// An element of a decoded array; ascending by index in its array.
package struct DecodedElement: Hashable, Sendable {
  package let index: Value
  package let decoding: Decoding

  package init(_ index: Value, _ decoding: Decoding) {
    self.index = index
    self.decoding = decoding
  }
}

/// A top-level `assume`: a condition that admits a state.
package struct StateCondition: Hashable, Sendable {
  /// Its value; says nothing where a failure's condition holds.
  package let condition: Term
  /// What goes wrong while it is evaluated; see `Failure`.
  package let failures: [Failure]

  package init(condition: Term, failures: [Failure] = []) {
    self.condition = condition
    self.failures = failures
  }
}

/// A top-level invariant or assertion, all copies of its quantifiers conjoined.
package struct Invariant: Hashable, Sendable {
  package let property: PropertyID
  /// Its value; says nothing where a failure's condition holds.
  package let condition: Term
  /// What follows from `condition`, and is false in some state that is reached in n steps if `condition` is in any such state.
  package let representative: Term
  /// What goes wrong while it is evaluated; see `Failure`.
  package let failures: [Failure]

  /// Without a representative the condition is its own.
  package init(property: PropertyID, condition: Term, representative: Term? = nil, failures: [Failure] = []) {
    self.property = property
    self.condition = condition
    self.representative = representative ?? condition
    self.failures = failures
  }
}
