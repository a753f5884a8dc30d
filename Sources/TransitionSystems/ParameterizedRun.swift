/// A run of a parameterized system by its choices alone; states follow by evaluation.
package struct ParameterizedRun: Hashable, Sendable {
  /// A start or rule, by position, with its parameters.
  package struct Choice: Hashable, Sendable {
    package let position: Int
    /// By element variable, counted from 0.
    package let elements: [Int]
    /// By input: the position among its choices.
    package let inputs: [Int]

    package init(position: Int, elements: [Int] = [], inputs: [Int] = []) {
      self.position = position
      self.elements = elements
      self.inputs = inputs
    }
  }

  package let start: Choice
  package let moves: [Choice]

  package init(start: Choice, moves: [Choice]) {
    self.start = start
    self.moves = moves
  }
}

extension ParameterizedExecution {
  /// What evaluating a run shows; nil if it is none.
  package func evaluate(_ run: ParameterizedRun) -> RunOutcome? {
    var outcome = start(run.start)
    var steps = [TraceStep(firing: firing(ofStart: run.start), values: values(of: reached(by: outcome) ?? nothing))]
    for (position, choice) in run.moves.enumerated() {
      guard case .reaches(let state) = outcome else { return nil }
      outcome = step(choice, from: state)
      switch outcome {
      case .disabled: return nil
      case .fails where position < run.moves.count - 1: return nil
      case .fails(_, let arriving):
        steps.append(TraceStep(firing: firing(ofRule: choice), values: values(of: arriving ?? state)))
      case .reaches(let next): steps.append(TraceStep(firing: firing(ofRule: choice), values: values(of: next)))
      }
    }
    return end(steps, outcome)
  }

  private func reached(by outcome: Outcome) -> OpenState? {
    switch outcome {
    case .reaches(let state): state
    case .fails(_, let arriving): arriving
    case .disabled: nil
    }
  }

  private func end(_ steps: [TraceStep], _ outcome: Outcome) -> RunOutcome? {
    let names = system.layout.map(\.name)
    switch outcome {
    case .disabled: return nil
    case .fails(let failures, _):
      let reports = failures.map(\.report)
      return RunOutcome(failing: reports, trace: Trace(variables: names, steps: steps, failure: reports.first))
    case .reaches(let state):
      let failing = evaluationFailures(in: state)
      return RunOutcome(
        violated: violated(in: state), evaluating: failing,
        trace: Trace(variables: names, steps: steps, failure: failing.first?.failure.report))
    }
  }
}
