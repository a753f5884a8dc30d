import Logic
import SMT
import TransitionSystems

/// Excluding violations from the last frame, obligation by obligation.
extension PDRSearch {
  /// Blocks every state of the last frame that a target describes, or finds a run to one.
  mutating func strengthen(against target: Int) throws {
    if last > 0, isOpen(target) { try block() }
    while isOpen(target) {
      try limit()
      let (conjunction, inputs, active) = queries.conjunction(for: targets[target])
      // F[k] ∧ violated
      switch try queries.meet(level: last, conjunction, inputs: inputs, among: active) {
      case .stopped(let reason): throw Stop.solver(reason)
      case .disjoint: return
      case .meets(let cube, let inputs):
        let violation = violation(at: target, inputs)
        let (canonical, renaming) = queries.canonical(cube)
        endings[obligations.count] = Ending(move: violation, renaming: renaming)
        obligations.append(Obligation(cube: canonical, next: nil, purpose: .target(target)))
        if last == 0 { return try reached(obligations.count - 1) }
        queue.push(obligations.count - 1, level: last)
        try block()
      }
    }
  }

  /// The failing move of a target; nil for a state.
  private func violation(at target: Int, _ inputs: [Int]) -> Move? {
    switch targets[target].kind {
    case .state: nil
    case .failure(let rule): Move(rule: rule, elements: targets[target].elements, inputs: inputs)
    }
  }

  /// Handles obligations until none is open or a run to a violation is found.
  private mutating func block() throws {
    while let (position, level) = queue.popLowest() {
      try limit()
      let obligation = obligations[position]
      if isPointless(obligation, at: level) { continue }
      if let (lemma, _) = queries.exclusion(of: obligation.cube, level: level) {
        takeUp(position, after: min(queries.frames.lemmas[lemma].level, last))
        continue
      }
      // F[i − 1] ∧ ¬s ∧ T ∧ s′
      switch try queries.isInductive(obligation.cube, relativeTo: level - 1) {
      case .stopped(let reason): throw Stop.solver(reason)
      case .predecessor(let predecessor, let move):
        let (canonical, renaming) = queries.canonical(predecessor)
        let step = Obligation.Step(obligation: position, move: move, renaming: renaming)
        obligations.append(Obligation(cube: canonical, next: step, purpose: obligation.purpose))
        if case .lemma(let lemma) = obligation.purpose, let witness = queries.reachableState(in: canonical) {
          queries.frames.update(lemma) { $0.isRefuted = true }
          queries.note(witness, moves: moves(from: obligations.count - 1))
          continue
        }
        if level == 1 {
          try reached(obligations.count - 1)
          continue
        }
        queue.push(position, level: level)
        queue.push(obligations.count - 1, level: level - 1)
      case .inductive(let cores):
        if case .lemma(let lemma) = obligation.purpose, obligation.next == nil {
          queries.frames.raise(lemma, to: level)
          support(lemma)
        } else {
          takeUp(position, after: try learn(obligation.cube, cores, level: level))
        }
      }
    }
  }

  /// Whether nothing is gained by blocking an obligation any more.
  private func isPointless(_ obligation: Obligation, at level: Int) -> Bool {
    switch obligation.purpose {
    case .target(let target): !isOpen(target)
    case .lemma(let lemma):
      queries.frames.isRetired[lemma] || queries.frames.lemmas[lemma].isRefuted
        || obligation.next == nil && queries.frames.lemmas[lemma].level >= level
    }
  }

  /// Opens an obligation again in the frame after one that excludes it.
  private mutating func takeUp(_ position: Int, after level: Int) {
    if case .target = obligations[position].purpose, takesUpAgain, level < last {
      queue.push(position, level: level + 1)
    }
  }

  /// Makes it an obligation that a lemma holds one frame longer.
  mutating func support(_ lemma: Int) {
    let known = queries.frames.lemmas[lemma]
    guard known.level < last, !known.isRefuted else { return }
    queue.push(obligations.count, level: known.level + 1)
    obligations.append(Obligation(cube: known.cube, next: nil, purpose: .lemma(lemma)))
  }

  /// Learns a lemma that excludes the cube. Returns: the last frame, up to the present one, in which it holds.
  private mutating func learn(_ cube: Cube, _ cores: FrameQueries.Cores, level: Int) throws -> Int {
    let general: Cube
    switch try queries.generalize(cube, cores, relativeTo: level - 1) {
    case .stopped(let reason): throw Stop.solver(reason)
    case .cube(let larger): general = queries.canonical(larger).cube
    }
    var reached = level
    while reached < last {
      guard case .inductive = try queries.isInductive(general, relativeTo: reached) else { break }
      reached += 1
    }
    queries.learn(general, level: reached)
    support(queries.frames.lemmas.count - 1)
    return reached
  }

  /// Throws when the budget's queries are spent.
  func limit() throws {
    if queries.counts.queries > budget.queries { throw Stop.queries }
  }

  // From obligations to a run.

  /// An obligation contains a start state: a lemma's cube is reached, or the steps from there violate a property.
  private mutating func reached(_ position: Int) throws {
    switch obligations[position].purpose {
    case .lemma(let lemma):
      queries.frames.update(lemma) { $0.isRefuted = true }
      if let witness = queries.reachableState(in: obligations[position].cube) {
        queries.note(witness, moves: moves(from: position))
      }
    case .target(let target): try found(run(from: position), violating: target)
    }
  }

  /// An obligation's steps, each with the renaming from the next cube's names to the present one's.
  private func moves(from position: Int) -> [(move: Move, renaming: Renaming)] {
    var moves: [(move: Move, renaming: Renaming)] = []
    var current = position
    while let step = obligations[current].next {
      moves.append((step.move, step.renaming))
      current = step.obligation
    }
    return moves
  }

  /// The run that starts in an obligation and follows its steps.
  private mutating func run(from position: Int) throws -> ParameterizedRun {
    guard let start = try queries.startChoice(in: obligations[position].cube) else {
      preconditionFailure("a cube that meets the start contains no start state")
    }
    // Elements as the present cube names them → as the start names them.
    var naming = Renaming.identity(queries.grounding.sizes)
    var moves: [ParameterizedRun.Choice] = []
    var current = position
    while let step = obligations[current].next {
      naming = step.renaming.followed(by: naming)
      moves.append(choice(step.move, naming))
      current = step.obligation
    }
    if let ending = endings[current], let move = ending.move {
      naming = ending.renaming.followed(by: naming)
      moves.append(choice(move, naming))
    }
    return ParameterizedRun(start: start, moves: moves)
  }

  private func choice(_ move: Move, _ naming: Renaming) -> ParameterizedRun.Choice {
    let variables = queries.system.rules[move.rule].elements
    let elements = zip(variables, move.elements).map { variable, element in
      naming.images[Grounding.number(queries.session.store.sort(of: variable))][element]
    }
    return ParameterizedRun.Choice(position: move.rule, elements: elements, inputs: move.inputs)
  }
}

extension FrameQueries {
  /// A start, with its parameters, whose state lies in a cube; nil if there is none.
  mutating func startChoice(in cube: Cube) throws -> ParameterizedRun.Choice? {
    var assumptions: [Term] = []
    for literal in cube.literals { assumptions.append(grounding.term(literal, in: &session.store)) }
    let inputs = system.starts.flatMap(\.inputs).flatMap { $0.choices.map(\.literal) }
    let reading = session.store.freeVariables(of: inputs + startChoices)
    guard case .yes(let model) = try ask(level: 0, assuming: assumptions, among: [], reading: reading) else {
      return nil
    }
    guard let chosen = startChoices.firstIndex(where: { model.value(of: $0).isTrue }) else { return nil }
    let position = starts[chosen].rule - system.rules.count
    var evaluation = Evaluation(session.store, model.assignment)
    let values = system.starts[position].inputs.map { input in
      input.choices.firstIndex { evaluation.isTrue($0.literal) } ?? 0
    }
    return ParameterizedRun.Choice(position: position, elements: starts[chosen].elements, inputs: values)
  }
}
