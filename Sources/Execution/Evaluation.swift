package import Logic
package import Murphi
package import TransitionSystems

/// What an expression evaluates to.
package enum Evaluation: Hashable, Sendable {
  case value(Value)
  case failed(RunTimeFailure)
}

/// An observable's value at one tuple of indices.
package struct ObservedValue: Hashable, Sendable {
  /// The raw values of the indices, and as named values.
  package let indices: [Int]
  package let named: [NamedValue]
  package let value: Evaluation
}

/// Single expressions: operations' arguments, observables. Compiled when asked, so not for hot loops.
extension Program {
  /// Evaluates an expression on a state. `values` are the raw values of those locals that are bound.
  ///
  /// Throws: `EnumerationLimit` if a quantifier in it has too many values.
  package func evaluate(
    _ expression: Expression, locals: [Local] = [], values: [Int: Int] = [:], on state: State
  ) throws(EnumerationLimit) -> Evaluation {
    try evaluate(expression, locals: locals, enclosures: [], values: values, on: state)
  }

  /// Evaluates an expression that stands before a rule (an operation's argument) for a copy of that rule.
  package func evaluate(
    _ expression: Expression, forRule copy: Int, on state: State
  ) throws(EnumerationLimit) -> Evaluation {
    let family = family(ofRule: copy)
    let rule = model.rules[family.position]
    let raws = family.parameters(ofCopy: copy - family.first)
    let values = Dictionary(uniqueKeysWithValues: zip(family.parameters.map(\.local), raws))
    return try evaluate(expression, locals: rule.locals, enclosures: rule.enclosures, values: values, on: state)
  }

  /// Evaluates an observable at every tuple of its indices, the last running fastest.
  package func evaluate(_ observable: ObservableUse, on state: State) throws(EnumerationLimit) -> [ObservedValue] {
    let body = Body(observable)
    let parameters = try body.parameters()
    let count = parameters.reduce(1) { $0 * $1.count }
    let family = Family(
      kind: .property, position: 0, parameters: parameters, count: count, first: 0, entries: [], disabled: [])
    var observed: [ObservedValue] = []
    for ordinal in 0..<count {
      let raws = family.parameters(ofCopy: ordinal)
      let values = Dictionary(uniqueKeysWithValues: zip(parameters.map(\.local), raws))
      let value = try evaluate(observable.expression, locals: observable.locals, values: values, on: state)
      observed.append(
        ObservedValue(indices: raws, named: family.namedParameters(ofCopy: ordinal), value: value))
    }
    return observed
  }

  /// Evaluates an expression with the aliases around it.
  private func evaluate(
    _ expression: Expression, locals: [Local], enclosures: [Enclosure], values: [Int: Int], on state: State
  ) throws(EnumerationLimit) -> Evaluation {
    precondition(state.words.count == stateWords, "a state of another program")
    let compiler = Compiler(model: model, layout: layout, weights: Weights(model: model))
    try compiler.compileFragment(expression, locals: locals, enclosures: enclosures, values: values)
    compiler.code.covers = model.covers.count
    let machine = Machine(code: compiler.code, stateWords: stateWords)
    for (position, word) in state.words.enumerated() { machine.memory[position] = word }
    guard machine.run(from: 0) != .failure else {
      return .failed(machine.failure(of: compiler.code, file: model.file))
    }
    let result = machine.registers[1]
    if expression.type.isSimple { return .value(expression.type.value(raw: result)) }
    let first = result / 64
    let count = (result % 64 + expression.type.width + 63) / 64
    let words = (first..<(first + count)).map { machine.memory[$0] }
    return .value(expression.type.value(in: words, at: result % 64))
  }
}

extension Body {
  /// An observable's indices.
  init(_ observable: ObservableUse) {
    kind = .property
    position = 0
    enclosures = observable.indices.map(Enclosure.quantifier)
    locals = observable.locals
    condition = observable.expression
    statements = nil
    name = "observable `\(observable.name)`"
  }
}
