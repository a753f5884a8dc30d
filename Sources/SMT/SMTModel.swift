package import Logic

/// The values that a satisfying assignment gives to the terms that were asked about; every one of them has a value.
package struct SMTModel: Hashable, Sendable {
  private let values: [Term: TermValue]

  init(_ values: [Term: TermValue]) { self.values = values }

  /// The model of a check that was asked to read nothing.
  package static let empty = SMTModel([:])

  /// A term's value. Requires: the check was asked to read it.
  package func value(of term: Term) -> TermValue {
    guard let value = values[term] else { preconditionFailure("the model was not asked for this term") }
    return value
  }

  /// All of them, as an assignment for `Evaluation`.
  package var assignment: [Term: TermValue] { values }
}

/// What a check found. The witness comes with the answer, so that none can be read from a session that has moved on.
package enum SMTAnswer: Hashable, Sendable {
  case satisfiable(SMTModel)
  /// The assumptions that are needed for the contradiction, in the order they were given; not always as few as could be.
  case unsatisfiable(core: [Term])
  case unknown(UnknownReason)
}

/// Why there is no answer.
package enum UnknownReason: Hashable, Sendable {
  /// The check's effort limit was reached.
  case effort
  /// The session's stop switch was thrown.
  case interrupted(Interrupter.Cause)
  /// Z3's own reason.
  case solver(String)
}
