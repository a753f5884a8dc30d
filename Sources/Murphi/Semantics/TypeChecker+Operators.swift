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
    guard let interval = wide.narrowed else {
      errors.append(MurphiDiagnostics.overflow(symbol, at: range))
      return nil
    }
    if interval.lowerBound < 0 || interval.upperBound > 127 { wideArithmetic.append((symbol, interval, range)) }
    return Expression(kind, type: .integer, interval: interval, range: range)
  }

  /// Infix operators.
  mutating func binary(
    _ operation: BinaryOperator, _ left: ExpressionSyntax, _ right: ExpressionSyntax, _ range: SourceRange
  ) -> Expression? {
    switch operation {
    case .implies: return connective(.implies, operation, left, right, range)
    case .orOr: return connective(.or, operation, left, right, range)
    case .andAnd: return connective(.and, operation, left, right, range)
    case .or: return overloaded(.or, .bitOr, left, right, range)
    case .and: return overloaded(.and, .bitAnd, left, right, range)
    case .xor: return arithmetic(.bitXor, left, right, range)
    case .less: return ordered(.less, left, right, range)
    case .lessOrEqual: return ordered(.lessOrEqual, left, right, range)
    case .greater: return ordered(.greater, left, right, range)
    case .greaterOrEqual: return ordered(.greaterOrEqual, left, right, range)
    case .equal: return equality(.equal, left, right, range)
    case .notEqual: return equality(.notEqual, left, right, range)
    case .shiftLeft: return arithmetic(.shiftLeft, left, right, range)
    case .shiftRight: return arithmetic(.shiftRight, left, right, range)
    case .add: return arithmetic(.add, left, right, range)
    case .subtract: return arithmetic(.subtract, left, right, range)
    case .multiply: return arithmetic(.multiply, left, right, range)
    case .divide: return arithmetic(.divide, left, right, range)
    case .remainder: return arithmetic(.remainder, left, right, range)
    }
  }

  /// `&` and `|`: the left operand's type chooses the meaning.
  private mutating func overloaded(
    _ connective: Connective, _ operation: ArithmeticOperator, _ left: ExpressionSyntax,
    _ right: ExpressionSyntax, _ range: SourceRange
  ) -> Expression? {
    let one = expression(left)
    guard let one else {
      _ = expression(right)
      return nil
    }
    if one.type.isInteger {
      guard let other = integer(right, "the right side of `\(operation.rawValue)`") else { return nil }
      return combined(operation, one, other, range)
    }
    guard case .boolean = one.type else {
      reportType("the left side of `\(connective.rawValue)`", one, expected: "a boolean or an integer", left)
      _ = expression(right)
      return nil
    }
    guard let other = boolean(right, "the right side of `\(connective.rawValue)`") else { return nil }
    return connected(connective, one, other, range)
  }

  /// `->`, `&&` and `||`
  private mutating func connective(
    _ connective: Connective, _ operation: BinaryOperator, _ left: ExpressionSyntax, _ right: ExpressionSyntax,
    _ range: SourceRange
  ) -> Expression? {
    let one = boolean(left, "the left side of `\(operation.rawValue)`")
    let other = boolean(right, "the right side of `\(operation.rawValue)`")
    guard let one, let other else { return nil }
    return connected(connective, one, other, range)
  }

  /// A connective of two booleans; a constant left side decides or vanishes, as evaluation would have it.
  private func connected(
    _ connective: Connective, _ left: Expression, _ right: Expression, _ range: SourceRange
  ) -> Expression {
    guard case .constant(let raw) = left.kind else {
      return Expression(.connective(connective, left, right), type: .boolean, range: range)
    }
    switch (connective, raw) {
    case (.and, 0): return folded(0, .boolean, range)
    case (.or, 1), (.implies, 0): return folded(1, .boolean, range)
    case (.and, _), (.or, _), (.implies, _): return Expression(right.kind, type: .boolean, range: range)
    }
  }

  /// Operators on integers that yield an integer.
  private mutating func arithmetic(
    _ operation: ArithmeticOperator, _ left: ExpressionSyntax, _ right: ExpressionSyntax, _ range: SourceRange
  ) -> Expression? {
    let one = integer(left, "the left side of `\(operation.rawValue)`")
    let other = integer(right, "the right side of `\(operation.rawValue)`")
    guard let one, let other else { return nil }
    return combined(operation, one, other, range)
  }

  /// The same on checked operands.
  private mutating func combined(
    _ operation: ArithmeticOperator, _ left: Expression, _ right: Expression, _ range: SourceRange
  ) -> Expression? {
    guard let one = left.interval, let other = right.interval else { return nil }
    var wide = WideInterval.of(operation, WideInterval(one), WideInterval(other))
    var exact: Int128?
    if case .constant(let low) = left.kind, case .constant(let high) = right.kind {
      exact = operation.result(low, high)
    }
    if let exact { wide = WideInterval([exact]) }
    let node = made(.arithmetic(operation, left, right), operation.rawValue, wide, range)
    guard let exact, let value = Int(exactly: exact) else { return node }
    return folded(value, .integer, range)
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
