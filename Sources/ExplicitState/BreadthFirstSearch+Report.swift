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
    var steps: [TraceStep]
    switch witness.origin {
    case .startstate(let copy):
      steps = [TraceStep(firing: program.firing(startstate: copy), values: values(witness.state))]
    case .rule(let copy, let parent):
      guard let before = path(to: parent) else { return nil }
      steps = before + [TraceStep(firing: program.firing(rule: copy), values: values(witness.state))]
    case .stored(let number):
      guard let path = path(to: number) else { return nil }
      steps = path
    }
    return Trace(variables: program.model.variables.map(\.name), steps: steps, failure: witness.failure)
  }

  /// The named values of a witness' last state.
  private func values(_ state: State?) -> [Value] { state.map(program.values(of:)) ?? [] }

  /// The run to a stored state: along the parents, re-firing their copies.
  private func path(to number: Int) -> [TraceStep]? {
    var numbers = [number]
    while let last = numbers.last, last >= levels[1] { numbers.append(set.parent(of: last)) }
    numbers.reverse()
    var steps: [TraceStep] = []
    for (depth, current) in numbers.enumerated() {
      let state = State(words: (0..<set.stateWords).map { set.state(current)[$0] })
      let firing = depth == 0 ? startstate(of: state) : rule(from: steps.count, numbers[depth - 1], to: state)
      guard let firing else { return nil }
      steps.append(TraceStep(firing: firing, values: program.values(of: state)))
    }
    return steps
  }

  /// The first start state that gives a state.
  private func startstate(of state: State) -> Firing? {
    for copy in 0..<program.startstateCopies {
      let result = interpreter.start(copy)
      if result == .successor(state) { return program.firing(startstate: copy) }
      if result == .stopped { return nil }
    }
    preconditionFailure("a state of level 0 is a start state")
  }

  /// The first copy that leads from a stored state to another.
  private func rule(from depth: Int, _ parent: Int, to state: State) -> Firing? {
    let source = State(words: (0..<set.stateWords).map { set.state(parent)[$0] })
    for copy in 0..<program.ruleCopies {
      let result = interpreter.fire(copy, on: source)
      if result == .successor(state) { return program.firing(rule: copy) }
      if result == .stopped { return nil }
    }
    preconditionFailure("a stored state is a successor of its parent, at depth \(depth)")
  }
}
