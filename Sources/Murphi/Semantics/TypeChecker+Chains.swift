import Diagnostics

/// Chains of associative operators: typing and folding from the left, as the tree of binary operators would have it, but without
/// such a tree and without recursion.
extension TypeChecker {
  /// Operators of one level.
  mutating func chain(_ first: ExpressionSyntax, _ links: [LinkSyntax]) -> Expression? {
    guard let operation = links.first?.operation else { preconditionFailure("a chain has a link") }
    switch operation {
    case .and: return overloaded(.and, operation, first, links)
    case .or: return overloaded(.or, operation, first, links)
    case .andAnd: return connected(.and, operation, boolean(first, operation.leftSide), first.range, links)
    case .orOr: return connected(.or, operation, boolean(first, operation.leftSide), first.range, links)
    case .xor, .shiftLeft, .shiftRight, .add, .subtract, .multiply, .divide, .remainder:
      return arithmetic(integer(first, operation.leftSide), first.range, links)
    case .implies, .less, .lessOrEqual, .equal, .notEqual, .greaterOrEqual, .greater:
      preconditionFailure("an operator that may not follow itself is no chain")
    }
  }

  /// `&` and `|`: the first operand's type chooses the meaning.
  private mutating func overloaded(
    _ connective: Connective, _ operation: BinaryOperator, _ first: ExpressionSyntax, _ links: [LinkSyntax]
  ) -> Expression? {
    let start = expression(first)
    if let start {
      if start.type.isInteger { return arithmetic(start, first.range, links) }
      if case .boolean = start.type { return connected(connective, operation, start, first.range, links) }
      reportType(operation.leftSide, start, expected: "a boolean or an integer", first)
    }
    for link in links { _ = expression(link.operand) }
    return nil
  }

  /// A connective of booleans; `start` is nil after a report.
  private mutating func connected(
    _ connective: Connective, _ operation: BinaryOperator, _ start: Expression?, _ range: SourceRange,
    _ links: [LinkSyntax]
  ) -> Expression? {
    var chain = start.map { ConnectiveChain(connective, $0, range) }
    for link in links {
      if let operand = boolean(link.operand, operation.rightSide) {
        chain?.append(operand, link.operand.range)
      } else {
        chain = nil
      }
    }
    return chain?.expression
  }

  /// Operators on integers that yield an integer; `start` is nil after a report.
  private mutating func arithmetic(_ start: Expression?, _ range: SourceRange, _ links: [LinkSyntax]) -> Expression? {
    var chain = start.flatMap { ArithmeticChain($0, range) }
    for link in links {
      guard let operation = ArithmeticOperator(rawValue: link.operation.rawValue) else {
        preconditionFailure("`\(link.operation.rawValue)` does not combine integers")
      }
      let operand = integer(link.operand, link.operation.rightSide)
      guard let operand, chain != nil else {
        chain = nil
        continue
      }
      if chain?.append(operation, operand, link.operand.range, &self) != .appended { chain = nil }
    }
    return chain?.expression
  }
}

/// A chain of `&` or `|` as far as it has been checked. A constant left side decides or vanishes, as evaluation would have it.
private struct ConnectiveChain {
  let connective: Connective
  private(set) var operands: [Expression]
  private(set) var range: SourceRange

  init(_ connective: Connective, _ first: Expression, _ range: SourceRange) {
    self.connective = connective
    operands = [first]
    self.range = range
  }

  /// Goes on by an operand.
  mutating func append(_ operand: Expression, _ operandRange: SourceRange) {
    range = range.union(operandRange)
    guard operands.count == 1, case .constant(let raw) = operands[0].kind else { return operands.append(operand) }
    let decides = (raw == 1) == (connective == .or)
    operands = [Expression(decides ? .constant(raw) : operand.kind, type: .boolean, range: range)]
  }

  /// The whole.
  var expression: Expression {
    operands.count == 1 ? operands[0] : Expression(.connective(connective, operands), type: .boolean, range: range)
  }
}

/// A chain on integers as far as it has been checked; constants at its start are folded.
private struct ArithmeticChain {
  /// Whether a chain could go on.
  enum Outcome {
    case appended
    case reported
  }
  private(set) var first: Expression
  private(set) var steps: [ArithmeticStep] = []
  private(set) var interval: ClosedRange<Int>
  private(set) var range: SourceRange

  /// Nil if nothing is known of the values, which is after a report only.
  init?(_ first: Expression, _ range: SourceRange) {
    guard let interval = first.interval else { return nil }
    self.first = first
    self.interval = interval
    self.range = range
  }

  /// Goes on by an operator and its right operand.
  mutating func append(
    _ operation: ArithmeticOperator, _ operand: Expression, _ operandRange: SourceRange, _ checker: inout TypeChecker
  ) -> Outcome {
    guard let values = operand.interval else { return .reported }
    range = range.union(operandRange)
    var exact: Int128?
    if steps.isEmpty, case .constant(let low) = first.kind, case .constant(let high) = operand.kind {
      exact = operation.result(low, high)
    }
    let wide = exact.map { WideInterval([$0]) } ?? .of(operation, WideInterval(interval), WideInterval(values))
    guard let fitted = checker.fitted(wide, operation.rawValue, range) else { return .reported }
    interval = fitted
    if exact != nil {
      first = checker.folded(fitted.lowerBound, .integer, range)
    } else {
      steps.append(ArithmeticStep(operation: operation, operand: operand, interval: fitted))
    }
    return .appended
  }

  /// The whole.
  var expression: Expression {
    steps.isEmpty ? first : Expression(.arithmetic(first, steps), type: .integer, interval: interval, range: range)
  }
}

extension BinaryOperator {
  /// The left operand, for messages.
  fileprivate var leftSide: String { "the left side of `\(rawValue)`" }

  /// The right operand, for messages.
  fileprivate var rightSide: String { "the right side of `\(rawValue)`" }
}
