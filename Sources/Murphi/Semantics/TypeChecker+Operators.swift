import Diagnostics

/// Operators: typing, folding of constants, intervals.
extension TypeChecker {
  /// Prefix operators.
  mutating func unary(
    _ operation: UnaryOperator, _ syntax: ExpressionSyntax, _ range: SourceRange
  ) -> Expression? {
    switch operation {
    case .not:
      guard let operand = boolean(syntax, "the operand of `!`") else { return nil }
      if case .constant(let raw) = operand.kind { return folded(1 - raw, .boolean, range) }
      return Expression(.not(operand), type: .boolean, range: range)
    case .plus:
      guard let operand = integer(syntax, "the operand of `+`") else { return nil }
      return Expression(operand.kind, type: .integer, interval: operand.interval, range: range)
    case .negate: return negated(syntax, range)
    case .complement:
      guard let operand = integer(syntax, "the operand of `~`"), let values = operand.interval else { return nil }
      if case .constant(let raw) = operand.kind { return folded(~raw, .integer, range) }
      return made(.complement(operand), "~", WideInterval(~values.upperBound...(~values.lowerBound)), range)
    }
  }

  /// Unary minus; a literal behind it counts as negative for rumur's value type.
  private mutating func negated(_ syntax: ExpressionSyntax, _ range: SourceRange) -> Expression? {
    if case .number(let value) = syntax.kind {
      valueType.note(-value)
      return folded(-value, .integer, range)
    }
    guard let operand = integer(syntax, "the operand of `-`"), let values = operand.interval else { return nil }
    let wide = WideInterval([-Int128(values.lowerBound), -Int128(values.upperBound)])
    guard let negative = made(.negate(operand), "-", wide, range) else { return nil }
    if case .constant(let raw) = operand.kind { return folded(-raw, .integer, range) }
    return negative
  }

  /// An integer node, unless its values may leave 64 bits.
  private mutating func made(
    _ kind: Expression.Kind, _ symbol: String, _ wide: WideInterval, _ range: SourceRange
  ) -> Expression? {
    fitted(wide, symbol, range).map { Expression(kind, type: .integer, interval: $0, range: range) }
  }

  /// The values of an operation's result, unless they may leave 64 bits.
  mutating func fitted(_ wide: WideInterval, _ symbol: String, _ range: SourceRange) -> ClosedRange<Int>? {
    guard let interval = wide.narrowed else {
      errors.append(MurphiDiagnostics.overflow(symbol, at: range))
      return nil
    }
    if interval.lowerBound < 0 || interval.upperBound > 127 { wideArithmetic.append((symbol, interval, range)) }
    return interval
  }

  /// Infix operators that may not follow themselves.
  mutating func binary(
    _ operation: BinaryOperator, _ left: ExpressionSyntax, _ right: ExpressionSyntax, _ range: SourceRange
  ) -> Expression? {
    switch operation {
    case .implies: return implication(left, right, range)
    case .less: return ordered(.less, left, right, range)
    case .lessOrEqual: return ordered(.lessOrEqual, left, right, range)
    case .greater: return ordered(.greater, left, right, range)
    case .greaterOrEqual: return ordered(.greaterOrEqual, left, right, range)
    case .equal: return equality(.equal, left, right, range)
    case .notEqual: return equality(.notEqual, left, right, range)
    case .orOr, .andAnd, .or, .xor, .and, .shiftLeft, .shiftRight, .add, .subtract, .multiply, .divide, .remainder:
      preconditionFailure("an associative operator is parsed as a chain")
    }
  }

  /// `->`; a constant left side decides or vanishes, as evaluation would have it.
  private mutating func implication(
    _ left: ExpressionSyntax, _ right: ExpressionSyntax, _ range: SourceRange
  ) -> Expression? {
    let one = boolean(left, "the left side of `->`")
    let other = boolean(right, "the right side of `->`")
    guard let one, let other else { return nil }
    guard case .constant(let raw) = one.kind else {
      return Expression(.implication(one, other), type: .boolean, range: range)
    }
    foldedImplications.append(FoldedImplication(range: range, isTriggered: raw != 0))
    return raw == 0 ? folded(1, .boolean, range) : Expression(other.kind, type: .boolean, range: range)
  }

  /// `< <= > >=`
  private mutating func ordered(
    _ operation: ComparisonOperator, _ left: ExpressionSyntax, _ right: ExpressionSyntax, _ range: SourceRange
  ) -> Expression? {
    let one = orderable(left)
    let other = orderable(right)
    guard let one, let other else { return nil }
    return compared(operation, one, other, range)
  }

  /// An operand of an order comparison.
  private mutating func orderable(_ syntax: ExpressionSyntax) -> Expression? {
    guard let value = expression(syntax) else { return nil }
    if value.type.isInteger { return value }
    errors.append(MurphiDiagnostics.notOrdered(value.type.description, at: syntax.range, origin(syntax)))
    return nil
  }

  /// `= !=`
  private mutating func equality(
    _ operation: ComparisonOperator, _ left: ExpressionSyntax, _ right: ExpressionSyntax, _ range: SourceRange
  ) -> Expression? {
    let one = expression(left)
    let other = expression(right)
    guard let one, let other, matches(other, one.type, "the right side of `\(operation.rawValue)`", right) else {
      return nil
    }
    return compared(operation, one, other, range)
  }

  /// A comparison of checked operands.
  private func compared(
    _ operation: ComparisonOperator, _ left: Expression, _ right: Expression, _ range: SourceRange
  ) -> Expression {
    if case .constant(let one) = left.kind, case .constant(let other) = right.kind {
      return folded(operation.holds(one, other) ? 1 : 0, .boolean, range)
    }
    return Expression(.comparison(operation, left, right), type: .boolean, range: range)
  }
}

extension ComparisonOperator {
  /// The answer on raw values.
  func holds(_ left: Int, _ right: Int) -> Bool {
    switch self {
    case .equal: left == right
    case .notEqual: left != right
    case .less: left < right
    case .lessOrEqual: left <= right
    case .greater: left > right
    case .greaterOrEqual: left >= right
    }
  }
}
