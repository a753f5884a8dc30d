import Logic

/// A state of a parameterized system for given sizes.
package struct OpenState: Hashable, Sendable {
  /// By function: its values at all tuples of elements, the last argument running fastest. False and true are 0 and 1, other
  /// values their positions, elements themselves; −1 is undefined.
  package var tables: [[Int32]]
}

/// The system's instance for given sizes, run by evaluating terms in `StructureEvaluation`: what engines ought to see.
///
/// Complexity: a step evaluates every place of every function that its rule updates, one by one.
package struct ParameterizedExecution: Sendable {
  package let system: ParameterizedSystem
  /// By number of the sort.
  package let sizes: [Int]
  /// Function and position among its predicates, by predicate.
  private let predicates: [FunctionSymbol: (function: Int, position: Int)]

  /// What a choice leads to.
  package enum Outcome: Hashable, Sendable {
    case disabled
    /// It fails in these ways and the run ends; in the state, if it got so far.
    case fails([Failure], arriving: OpenState?)
    case reaches(OpenState)
  }

  package init(_ system: ParameterizedSystem, sizes: [Int]? = nil) {
    self.system = system
    self.sizes = sizes ?? system.sorts.map(\.size)
    var predicates: [FunctionSymbol: (function: Int, position: Int)] = [:]
    for (index, function) in system.functions.enumerated() {
      for (position, predicate) in function.predicates.enumerated() { predicates[predicate] = (index, position) }
    }
    self.predicates = predicates
  }

  // Steps.

  /// What a start comes to.
  package func start(_ choice: ParameterizedRun.Choice) -> Outcome {
    let start = system.starts[choice.position]
    let given = assignment(start.elements, start.inputs, choice)
    return outcome(start.enabled, (start.failures, start.arrivalFailures), start.values, given, from: nothing)
  }

  /// A state of which nothing is known, in place of the one that a start does not have before it.
  var nothing: OpenState {
    OpenState(tables: system.functions.map { [Int32](repeating: 0, count: places(of: $0).count) })
  }

  /// What a step comes to.
  package func step(_ choice: ParameterizedRun.Choice, from state: OpenState) -> Outcome {
    let rule = system.rules[choice.position]
    let given = assignment(rule.elements, rule.inputs, choice)
    return outcome(rule.enabled, (rule.failures, rule.arrivalFailures), rule.updates, given, from: state)
  }

  private func outcome(
    _ enabled: Term, _ failures: (own: [Failure], arrival: [Failure]), _ updates: [FunctionUpdate],
    _ given: [Term: TermValue],
    from state: OpenState
  ) -> Outcome {
    var evaluation = StructureEvaluation(system.store, in: structure(of: state), given)
    let failing = failures.own.filter { evaluation.isTrue($0.condition) }
    if !failing.isEmpty { return .fails(failing, arriving: nil) }
    let arriving = failures.arrival.filter { evaluation.isTrue($0.condition) }
    if !arriving.isEmpty { return .fails(arriving, arriving: successor(updates, given, state)) }
    return evaluation.isTrue(enabled) ? .reaches(successor(updates, given, state)) : .disabled
  }

  /// The state with some updates done at once.
  private func successor(
    _ updates: [FunctionUpdate], _ given: [Term: TermValue], _ state: OpenState
  ) -> OpenState {
    var next = state
    for update in updates {
      let function = system.functions[update.function]
      next.tables[update.function] = places(of: function).map { elements in
        value(of: function, update, at: elements, given, in: state)
      }
    }
    return next
  }

  /// The value that an update gives a function's place. Requires: exactly one predicate becomes true.
  private func value(
    of function: StateFunction, _ update: FunctionUpdate, at elements: [Int], _ given: [Term: TermValue],
    in state: OpenState
  ) -> Int32 {
    var assignment = given
    for (variable, element) in zip(function.arguments, elements) {
      assignment[variable] = elementValue(element, system.store.sort(of: variable))
    }
    let structure = structure(of: state)
    func holds(_ position: Int, _ more: [Term: TermValue] = [:]) -> Bool {
      var evaluation = StructureEvaluation(system.store, in: structure, assignment.merging(more) { one, _ in one })
      return evaluation.isTrue(update.predicates[position])
    }
    switch function.range {
    case .boolean: return holds(0) ? 1 : 0
    case .values(let values, _):
      let found = values.indices.filter { holds($0) }
      precondition(found.count == 1, "\(function.name) becomes \(found.count) values at once")
      return Int32(found[0])
    case .elements(let sort, _, let undefined):
      guard let result = function.result else { preconditionFailure("a function of elements without a result") }
      let found = (0..<sizes[sort]).filter { holds(0, [result: .element($0, sort: sort)]) }
      let isUndefined = undefined != nil && holds(1)
      precondition(found.count + (isUndefined ? 1 : 0) == 1, "\(function.name) becomes \(found.count) elements at once")
      return isUndefined ? -1 : Int32(found[0])
    }
  }

  /// The properties that a state violates.
  package func violated(in state: OpenState) -> [PropertyID] {
    var evaluation = StructureEvaluation(system.store, in: structure(of: state))
    return system.properties.filter { evaluation.isTrue($0.violated) }.map(\.property)
  }

  /// How evaluating the invariants and covers fails in a state, in their order; empty if it does not.
  func evaluationFailures(in state: OpenState) -> [EvaluationFailure] {
    var evaluation = StructureEvaluation(system.store, in: structure(of: state))
    return system.evaluationFailures.filter { evaluation.isTrue($0.failure.condition) }
  }

  // Choices.

  /// Every choice of elements and inputs for the rule, or start, at a position.
  package func choices(ofRule position: Int) -> [ParameterizedRun.Choice] {
    choices(position, system.rules[position].elements, system.rules[position].inputs)
  }

  package func choices(ofStart position: Int) -> [ParameterizedRun.Choice] {
    choices(position, system.starts[position].elements, system.starts[position].inputs)
  }

  private func choices(_ position: Int, _ elements: [Term], _ inputs: [RuleInput]) -> [ParameterizedRun.Choice] {
    let chosen = tuples(elements.map { size(of: system.store.sort(of: $0)) })
    let given = tuples(inputs.map(\.choices.count))
    return chosen.flatMap { elements in
      given.map { ParameterizedRun.Choice(position: position, elements: elements, inputs: $0) }
    }
  }

  /// How reports call a choice.
  package func firing(ofRule choice: ParameterizedRun.Choice) -> Firing {
    let rule = system.rules[choice.position]
    return firing(rule.rule, rule.parameters, rule.inputs, choice)
  }

  package func firing(ofStart choice: ParameterizedRun.Choice) -> Firing {
    let start = system.starts[choice.position]
    return firing(start.rule, start.parameters, start.inputs, choice)
  }

  private func firing(
    _ rule: RuleReference, _ parameters: [OpenParameter], _ inputs: [RuleInput], _ choice: ParameterizedRun.Choice
  ) -> Firing {
    var elements = choice.elements[...]
    let values = parameters.map { parameter in
      switch parameter.choice {
      case .element(_, let sort):
        return NamedValue(parameter.name, .scalar(type: system.sorts[sort].name, index: elements.removeFirst()))
      case .input(let input):
        return NamedValue(parameter.name, inputs[input].choices[choice.inputs[input]].value)
      case .fixed(let value): return NamedValue(parameter.name, value)
      }
    }
    return Firing(index: rule.index, name: rule.name, parameters: values)
  }

  // Structures and tuples.

  /// The state as a structure for terms.
  private func structure(of state: OpenState) -> Structure {
    Structure(sizes: sizes) { predicate, elements in
      guard let (index, position) = predicates[predicate] else { preconditionFailure("not a predicate of the state") }
      let function = system.functions[index]
      let arguments = elements.prefix(function.arguments.count).map { $0 ?? 0 }
      let code = state.tables[index][place(arguments, of: function)]
      switch function.range {
      case .boolean: return .boolean(code == 1)
      case .values: return .boolean(code == Int32(position))
      case .elements: return .boolean(position == 1 ? code < 0 : Int(code) == elements[arguments.count])
      }
    }
  }

  private func assignment(
    _ variables: [Term], _ inputs: [RuleInput], _ choice: ParameterizedRun.Choice
  ) -> [Term: TermValue] {
    var assignment: [Term: TermValue] = [:]
    for (variable, element) in zip(variables, choice.elements) {
      assignment[variable] = elementValue(element, system.store.sort(of: variable))
    }
    for (input, chosen) in zip(inputs, choice.inputs) {
      for (position, option) in input.choices.enumerated() {
        let isNegated = system.store.operation(of: option.literal) == .not
        let variable = isNegated ? system.store.operands(of: option.literal).first : option.literal
        if let variable { assignment[variable] = .boolean((position == chosen) != isNegated) }
      }
    }
    return assignment
  }

  private func elementValue(_ element: Int, _ sort: Sort) -> TermValue {
    guard case .uninterpreted(let number) = sort else { preconditionFailure("an element of no uninterpreted sort") }
    return .element(element, sort: number)
  }

  private func size(of sort: Sort) -> Int {
    guard case .uninterpreted(let number) = sort else { preconditionFailure("an element of no uninterpreted sort") }
    return sizes[number]
  }

  /// Every tuple of a function's arguments, in the order of its table.
  private func places(of function: StateFunction) -> [[Int]] {
    tuples(function.arguments.map { size(of: system.store.sort(of: $0)) })
  }

  func place(_ elements: [Int], of function: StateFunction) -> Int {
    zip(elements, function.arguments).reduce(0) { position, next in
      position * size(of: system.store.sort(of: next.1)) + next.0
    }
  }

  /// Every tuple below some bounds, the last position running fastest.
  private func tuples(_ bounds: [Int]) -> [[Int]] {
    bounds.reduce([[]]) { tuples, bound in tuples.flatMap { tuple in (0..<bound).map { tuple + [$0] } } }
  }
}
