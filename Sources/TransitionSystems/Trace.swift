package import Logic

/// A run of a model: a start state and the rules fired from it, as named values.
///
/// The only form in which engines hand runs to each other: `Checking` re-executes it, `Replay` runs it on the machine,
/// `Report` prints it. `steps` is never empty; step 0 is a start state.
package struct Trace: Hashable, Sendable {
  /// The model's variables, in file order.
  package let variables: [String]
  package let steps: [TraceStep]
  /// What went wrong while the last step's rule ran; nil when the last state itself is the witness.
  package let failure: RunTimeFailure?

  package init(variables: [String], steps: [TraceStep], failure: RunTimeFailure? = nil) {
    self.variables = variables
    self.steps = steps
    self.failure = failure
  }

  /// The number of transitions.
  package var depth: Int { steps.count - 1 }
}

/// One state of a trace, and how it was reached.
package struct TraceStep: Hashable, Sendable {
  /// The start state (step 0) or the rule that led here.
  package let firing: Firing
  /// A value for each of the trace's variables. After a run-time failure: as far as the rule's body came.
  package let values: [Value]

  package init(firing: Firing, values: [Value]) {
    self.firing = firing
    self.values = values
  }
}

/// A copy of a rule or start state: which one, with which parameters.
package struct Firing: Hashable, Sendable {
  /// The position among the model's rules, or among its start states, in file order after flattening, from 0.
  package let index: Int
  /// The name in the file, or `rule 3` / `startstate 1`.
  package let name: String
  /// The quantifiers' values, outermost first.
  package let parameters: [NamedValue]

  package init(index: Int, name: String, parameters: [NamedValue]) {
    self.index = index
    self.name = name
    self.parameters = parameters
  }
}

/// A run-time error, an `error` statement or a failed `assert`.
package struct RunTimeFailure: Hashable, Sendable {
  /// Which property it violates.
  package let property: PropertyID
  /// What happened, in words, without a location.
  package let message: String
  /// Where, as `line:column` of the model; nil when there is no place.
  package let location: String?

  package init(property: PropertyID, message: String, location: String?) {
    self.property = property
    self.message = message
    self.location = location
  }
}
