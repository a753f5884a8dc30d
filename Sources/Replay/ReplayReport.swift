package import MMUEngine

/// What became of a trace on the concrete machine.
package struct ReplayReport: Sendable, Hashable {
  /// The three words of a replay, each with what it rests on.
  package enum Result: Sendable, Hashable {
    /// Every step before the last succeeded with equal observables, and the last one ended in exactly this event.
    case reproduced(event: String)
    case diverged(Divergence)
    /// Which rule, variable or name has no counterpart.
    case notReplayable(String)
  }

  package let result: Result
  /// The policy under which the trace ran.
  package let policy: String
  /// What the machine did: element i belongs to the trace's step i; element 0 is the set-up. Ends where the replay ended.
  package let steps: [[PerformedOperation]]
  /// Where the unmodified kernel leaves the trace; nil when it was not asked.
  package let rightKernel: RightKernel?

  package init(result: Result, policy: String, steps: [[PerformedOperation]], rightKernel: RightKernel?) {
    self.result = result
    self.policy = policy
    self.steps = steps
    self.rightKernel = rightKernel
  }

  /// The word for scripts: `reproduced`, `diverged` or `not-replayable`.
  package var word: String {
    switch result {
    case .reproduced: "reproduced"
    case .diverged: "diverged"
    case .notReplayable: "not-replayable"
    }
  }
}

/// An operation as it was asked for, and what came of it.
package struct PerformedOperation: Sendable, Hashable {
  package let name: String
  /// In the order of the directive.
  package let arguments: [PerformedArgument]
  package let outcome: Outcome

  package init(name: String, arguments: [PerformedArgument], outcome: Outcome) {
    self.name = name
    self.arguments = arguments
    self.outcome = outcome
  }

  /// The names of the checks that fired, else the status: what a variant's `by` names.
  package var event: String {
    outcome.checks.isEmpty ? outcome.status : outcome.checks.map(\.name).joined(separator: "+")
  }

  /// Whether it came to the event, and to nothing else that is not `damage`.
  func endsIn(_ expected: String, beside damage: Set<String>) -> Bool {
    let names = outcome.checks.map(\.name)
    return event == expected || (names.contains(expected) && names.allSatisfy { $0 == expected || damage.contains($0) })
  }
}

/// An argument as the machine saw it.
package struct PerformedArgument: Sendable, Hashable {
  package let name: String
  package let value: Argument

  package init(name: String, value: Argument) {
    self.name = name
    self.value = value
  }
}

/// The first difference between model and machine, both sides.
package struct Divergence: Sendable, Hashable {
  /// The trace's step; 0 is the set-up and the start state.
  package let step: Int
  /// What was compared: an operation's status or an observable.
  package let subject: String
  /// What the model says.
  package let model: String
  /// What the machine did.
  package let engine: String

  package init(step: Int, subject: String, model: String, engine: String) {
    self.step = step
    self.subject = subject
    self.model = model
    self.engine = engine
  }
}

/// Where the unmodified kernel, given the same operations, first answers otherwise.
package enum RightKernel: Sendable, Hashable {
  /// The trace ran under the unmodified kernel already: there is nothing else to ask.
  case isThisKernel
  /// At this step it refuses, or does something else: the operation and its status.
  case stops(step: Int, operation: String, status: String)
  /// Every operation is answered alike, but afterwards this observable differs.
  case differs(step: Int, observable: String, model: String, engine: String)
  /// It follows to the end: the deviation is not what makes this trace possible.
  case follows
}
