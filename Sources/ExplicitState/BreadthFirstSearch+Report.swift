import Execution
import Logic
import Murphi
import TransitionSystems

/// Traces and counts.
extension BreadthFirstSearch {
  /// What the search found.
  func makeReport() -> SearchReport {
    let model = program.model
    let covers = zip(model.covers.indices, interpreter.coverCounts).map { position, hits in
      SearchReport.CoverCount(name: model.covers[position].name ?? "cover \(position + 1)", hits: hits)
    }
    let rules = program.rules.map { family in
      SearchReport.RuleCount(
        index: family.position, name: model.rules[family.position].displayName(.rule), fired: fired[family.position],
        isSwitchedOff: family.disabled.count == family.count)
    }
    let implications =
      zip(program.implications, interpreter.triggered).map {
        SearchReport.ImplicationCount(implication: $0, isTriggered: $1)
      } + foldedImplications
    let deepest = levels.lastIndex { $0 < set.count } ?? 0
    return SearchReport(
      states: set.count, rulesFired: rulesFired, diameter: deepest,
      startStates: levels.count > 1 ? levels[1] : set.count,
      rules: rules, covers: covers, implications: implications, bytes: set.bytes,
      violations: witnesses.compactMap { witness in
        trace(to: witness).map { Violation(property: witness.property, trace: $0) }
      }, limit: limit,
      completeDepth: max(0, levels.count - 2), isExhaustive: !isStopped)
  }

  /// Those that the constants decide, and that no code marks: triggered in every state, or in none.
  private var foldedImplications: [SearchReport.ImplicationCount] {
    program.model.properties.enumerated().flatMap { position, property in
      property.foldedImplications.map { folded in
        SearchReport.ImplicationCount(
          implication: Implication(property: position, range: folded.range),
          isTriggered: folded.isTriggered && set.count > 0)
      }
    }
  }

  /// The run that a witness ends; nil where the task was cancelled and the firings take too long to be repeated.
  private func trace(to witness: Witness) -> Trace? {
    var steps: [ReachedStep]
    var failure = witness.failure
    switch witness.origin {
    case .startstate(let copy):
      guard let end = options.symmetry.isEmpty ? witness.end : end(of: interpreter.start(copy)) else { return nil }
      steps = [ReachedStep(firing: program.firing(startstate: copy), state: end.state)]
      failure = end.failure ?? failure
    case .rule(let copy, let parent):
      guard let before = path(to: parent), let source = before.last?.state else { return nil }
      if options.symmetry.isEmpty, let state = witness.state {
        steps = before + [ReachedStep(firing: program.firing(rule: copy), state: state)]
      } else {
        guard let (last, found) = lastStep(of: witness, from: source) else { return nil }
        steps = before + [last]
        failure = found ?? failure
      }
    case .stored(let number):
      guard let path = path(to: number) else { return nil }
      steps = path
    }
    return Trace(
      variables: program.model.variables.map(\.name),
      steps: steps.map { TraceStep(firing: $0.firing, values: program.values(of: $0.state)) }, failure: failure)
  }

  /// A step of a run.
  private struct ReachedStep {
    let firing: Firing
    let state: State
  }

  /// The step that ends a witness' run, from a renaming of its parent; with the failure if the firing itself fails.
  private func lastStep(of witness: Witness, from source: State) -> (ReachedStep, RunTimeFailure?)? {
    guard case .rule(let copy, _) = witness.origin else { return nil }
    for candidate in [copy] + Array(0..<program.ruleCopies) {
      let result = interpreter.fire(candidate, on: source)
      if result == .stopped { return nil }
      guard let end = end(of: result), isSame(end, as: witness) else { continue }
      return (ReachedStep(firing: program.firing(rule: candidate), state: end.state), end.failure)
    }
    preconditionFailure("a violation is found again in a renaming of its run")
  }

  /// Where a firing ends; nil if it is none.
  private func end(of result: StepResult) -> (state: State, failure: RunTimeFailure?)? {
    switch result {
    case .disabled, .dropped, .stopped: nil
    case .successor(let state): (state, nil)
    case .failed(let failure, let partial): (partial, failure)
    }
  }

  /// Whether a firing ends as a witness does, but for names of scalarset values.
  private func isSame(_ end: (state: State, failure: RunTimeFailure?), as witness: Witness) -> Bool {
    if let failure = end.failure {
      return failure.property == witness.failure?.property && failure.location == witness.failure?.location
    }
    return witness.state.map { representative(of: $0) == representative(of: end.state) } ?? false
  }

  /// The run to a stored state, or one of its orbit: along the parents, re-firing their copies.
  private func path(to number: Int) -> [ReachedStep]? {
    var numbers = [number]
    while let last = numbers.last, last >= levels[1] { numbers.append(set.parent(of: last)) }
    numbers.reverse()
    var steps: [ReachedStep] = []
    for current in numbers {
      let state = State(words: (0..<set.stateWords).map { set.state(current)[$0] })
      let step = steps.last.map { rule(from: $0.state, to: state, depth: steps.count) } ?? startstate(of: state)
      guard let step else { return nil }
      steps.append(step)
    }
    return steps
  }

  /// The first start state that gives a state.
  private func startstate(of state: State) -> ReachedStep? {
    for copy in 0..<program.startstateCopies {
      let result = interpreter.start(copy)
      if case .successor(let found) = result, representative(of: found) == state {
        return ReachedStep(firing: program.firing(startstate: copy), state: found)
      }
      if result == .stopped { return nil }
    }
    preconditionFailure("a state of level 0 is a start state")
  }

  /// The first copy that leads from a state of a stored state's orbit to one of another's.
  private func rule(from source: State, to state: State, depth: Int) -> ReachedStep? {
    for copy in 0..<program.ruleCopies {
      let result = interpreter.fire(copy, on: source)
      if case .successor(let found) = result, representative(of: found) == state {
        return ReachedStep(firing: program.firing(rule: copy), state: found)
      }
      if result == .stopped { return nil }
    }
    preconditionFailure("a stored state is a successor of its parent, at depth \(depth)")
  }
}
