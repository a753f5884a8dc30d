import Diagnostics
import Logic
import Murphi

/// Expressions as terms, in evaluation order: what may fail on the way is recorded as it is met.
extension SymbolicExecutor {
  /// The leaves of any value; those of records and arrays may be undefined.
  mutating func evaluate(_ expression: Expression) throws(ElaborationError) -> [Scalar] {
    if expression.type.isSimple { return [defined(try evaluateSimple(expression))] }
    try step(at: expression.range)
    switch expression.kind {
    case .read(let place): return load(try resolve(place))
    case .call(let call): return try run(call, at: expression.range)
    case .conditional(let condition, let then, let other):
      return try branch(on: try evaluateTruth(condition), then, other)
    case .constant, .not, .negate, .complement, .arithmetic, .comparison, .connective, .implication, .quantified,
      .isUndefined:
      preconditionFailure("an operator yields a record or an array")
    }
  }

  /// A boolean's value.
  mutating func evaluateTruth(_ expression: Expression) throws(ElaborationError) -> Term {
    switch try evaluateSimple(expression) {
    case .truth(let term): return term
    case .number, .element: preconditionFailure("a boolean was expected, found something else")
    }
  }

  /// The value of an integer, enumeration or scalarset.
  mutating func evaluateNumber(_ expression: Expression) throws(ElaborationError) -> Number {
    switch try evaluateSimple(expression) {
    case .number(let number): return number
    case .truth, .element: preconditionFailure("a number was expected, found something else")
    }
  }

  /// The value of a simple expression; a failure is recorded where it has none.
  mutating func evaluateSimple(_ expression: Expression) throws(ElaborationError) -> Payload {
    try step(at: expression.range)
    switch expression.kind {
    case .constant(let raw): return store.payload(raw, of: expression.type)
    case .read(let place): return try read(place, for: expression)
    case .not(let operand): return .truth(store.not(try evaluateTruth(operand)))
    case .negate(let operand):
      return .number(store.negated(try evaluateNumber(operand), within: Self.bounds(of: expression)))
    case .complement(let operand):
      return .number(store.complemented(try evaluateNumber(operand), within: Self.bounds(of: expression)))
    case .arithmetic(let first, let steps): return .number(try arithmetic(first, steps))
    case .comparison(let operation, let left, let right): return .truth(try compare(operation, left, right))
    case .connective(let connective, let operands): return .truth(try connect(connective, operands))
    case .implication(let left, let right): return .truth(try imply(left, right))
    case .conditional(let condition, let then, let other):
      return payload(try branch(on: try evaluateTruth(condition), then, other))
    case .quantified(let kind, let quantifier, let body): return .truth(try quantify(kind, quantifier, body))
    case .isUndefined(let place): return .truth(store.not(load(try resolve(place))[0].defined))
    case .call(let call): return payload(try run(call, at: expression.range))
    }
  }

  /// Where an integer expression's values lie.
  private static func bounds(of expression: Expression) -> ClosedRange<Int> {
    guard let interval = expression.interval else { preconditionFailure("an integer without bounds") }
    return interval
  }

  /// The payload of a value that has one leaf.
  private func payload(_ leaves: [Scalar]) -> Payload { leaves[0].payload }

  /// A simple place's value; undefined is a failure.
  private mutating func read(_ place: Place, for expression: Expression) throws(ElaborationError) -> Payload {
    let leaf = load(try resolve(place))[0]
    fail(where: store.not(leaf.defined), FailureText.undefined(place, in: model.file), at: place.range)
    return leaf.payload
  }

  /// `+ - * / %` and the operators on bits, from the left: an operand, then the divisor's check, then the next operand.
  private mutating func arithmetic(
    _ first: Expression, _ steps: [ArithmeticStep]
  ) throws(ElaborationError) -> Number {
    var value = try evaluateNumber(first)
    for step in steps {
      let other = try evaluateNumber(step.operand)
      if step.operation == .divide || step.operation == .remainder {
        let isZero = store.compare(.equal, other, store.number(0))
        let message = FailureText.zeroDivisor(step.operation, step.operand, in: model.file)
        fail(where: isZero, message, at: step.operand.range)
      }
      value = store.arithmetic(step.operation, value, other, within: step.interval)
    }
    return value
  }

  /// `= != < <= > >=`
  private mutating func compare(
    _ operation: ComparisonOperator, _ left: Expression, _ right: Expression
  ) throws(ElaborationError) -> Term {
    let one = try evaluate(left)
    let other = try evaluate(right)
    switch operation {
    case .equal: return areEqual(one, other, of: left.type)
    case .notEqual: return store.not(areEqual(one, other, of: left.type))
    case .less: return store.compare(.less, Self.number(one), Self.number(other))
    case .lessOrEqual: return store.compare(.lessOrEqual, Self.number(one), Self.number(other))
    case .greater: return store.compare(.less, Self.number(other), Self.number(one))
    case .greaterOrEqual: return store.compare(.lessOrEqual, Self.number(other), Self.number(one))
    }
  }

  /// The number in a single leaf.
  private static func number(_ leaves: [Scalar]) -> Number {
    guard case .number(let number) = leaves[0].payload else { preconditionFailure("an order of booleans") }
    return number
  }

  /// Leaf by leaf, and for all arguments: both undefined, or both defined and equal.
  private mutating func areEqual(_ left: [Scalar], _ right: [Scalar], of type: Type) -> Term {
    var result = store.boolean(true)
    for (shape, (one, other)) in zip(layout.leaves(of: type), zip(left, right)) {
      let sameDefinedness = store.equal(one.defined, other.defined)
      let sameValue = store.or(store.not(one.defined), isEqual(one.payload, other.payload))
      var same = store.and(sameDefinedness, sameValue)
      for (position, sort) in shape.arguments.enumerated() {
        same = store.forall(store.argument(position, sort: sort), same)
      }
      result = store.and(result, same)
    }
    return result
  }

  /// Whether two defined values are equal.
  mutating func isEqual(_ left: Payload, _ right: Payload) -> Term {
    switch (left, right) {
    case (.truth(let one), .truth(let other)): return store.equal(one, other)
    case (.number(let one), .number(let other)): return store.compare(.equal, one, other)
    case (.element(let one), .element(let other)): return store.equal(one, other)
    case (.truth, _), (.number, _), (.element, _): preconditionFailure("values of different kinds are compared")
    }
  }

  /// `& |`: each operand is executed on the path where none before it decides.
  private mutating func connect(
    _ connective: Connective, _ operands: [Expression]
  ) throws(ElaborationError) -> Term {
    var value = store.boolean(connective == .and)
    for operand in operands {
      let goesOn = connective == .or ? store.not(value) : value
      if store.truth(goesOn) == false { return value }
      let next = try evaluateTruth(operand, where: goesOn)
      value = connective == .or ? store.or(value, next) : store.and(value, next)
    }
    return value
  }

  /// `->`: the right operand is executed on the path where the left one holds.
  private mutating func imply(_ left: Expression, _ right: Expression) throws(ElaborationError) -> Term {
    let premise = try evaluateTruth(left)
    if store.truth(premise) == false { return store.boolean(true) }
    return store.or(store.not(premise), try evaluateTruth(right, where: premise))
  }

  /// A boolean's value, executed on the path where a condition holds.
  private mutating func evaluateTruth(
    _ expression: Expression, where goesOn: Term
  ) throws(ElaborationError) -> Term {
    let before = state
    narrow(to: goesOn)
    let value = try evaluateTruth(expression)
    var skipped = before
    skipped.path = store.and(before.path, store.not(goesOn))
    state = join(goesOn, state, skipped, before: before.path)
    return value
  }

  /// `?:`: one operand on each path.
  private mutating func branch(
    on condition: Term, _ then: Expression, _ other: Expression
  ) throws(ElaborationError) -> [Scalar] {
    if let known = store.truth(condition) { return try evaluate(known ? then : other) }
    let before = state
    narrow(to: condition)
    let left = try evaluate(then)
    let afterThen = state
    state = before
    narrow(to: store.not(condition))
    let right = try evaluate(other)
    state = join(condition, afterThen, state, before: before.path)
    return zip(left, right).map { store.choose(condition, $0, $1) }
  }

  /// `forall`, `exists`: each body is executed on the path where none before it decided.
  private mutating func quantify(
    _ kind: QuantifierKind, _ quantifier: Quantifier, _ body: Expression
  ) throws(ElaborationError) -> Term {
    var undecided = store.boolean(true)
    try iterate(quantifier, .quantified(kind, body), &undecided)
    return kind == .forall ? undecided : store.not(undecided)
  }

  /// One body of a quantified expression; `undecided` says where none before it decided.
  mutating func quantifyOnce(
    _ kind: QuantifierKind, _ body: Expression, _ undecided: inout Term
  ) throws(ElaborationError) {
    if store.truth(undecided) == false { return }
    let before = state
    narrow(to: undecided)
    let value = try evaluateTruth(body)
    var skipped = before
    skipped.path = store.and(before.path, store.not(undecided))
    state = join(undecided, state, skipped, before: before.path)
    undecided = store.and(undecided, kind == .forall ? value : store.not(value))
  }
}
