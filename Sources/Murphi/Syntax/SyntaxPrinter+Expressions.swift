/// Expressions, with the parentheses that precedence needs.
extension SyntaxPrinter {
  /// An expression where anything may stand.
  static func text(_ expression: ExpressionSyntax) -> String { text(expression, atLeast: .conditional) }

  /// Expressions with commas.
  static func text(_ expressions: [ExpressionSyntax]) -> String {
    expressions.map { text($0) }.joined(separator: ", ")
  }

  /// An expression where only what binds at least so tightly may stand bare.
  private static func text(_ expression: ExpressionSyntax, atLeast minimum: Precedence) -> String {
    let bare = bareText(expression)
    return expression.kind.precedence < minimum ? "(\(bare))" : bare
  }

  /// An expression without parentheses around it.
  private static func bareText(_ expression: ExpressionSyntax) -> String {
    switch expression.kind {
    case .number(let value): return "\(value)"
    case .designator(let name, let steps): return name.text + steps.map { text($0) }.joined()
    case .unary(let operation, let operand): return "\(operation.rawValue)\(text(operand, atLeast: .primary))"
    case .binary(let operation, let left, let right):
      let level = operation.precedence.tighter
      return "\(text(left, atLeast: level)) \(operation.rawValue) \(text(right, atLeast: level))"
    case .chain(let first, let links):
      let level = expression.kind.precedence
      let rest = links.map { " \($0.operation.rawValue) \(text($0.operand, atLeast: level.tighter))" }
      return text(first, atLeast: level) + rest.joined()
    case .conditional(let condition, let then, let otherwise):
      let level = Precedence.implication
      return "\(text(condition, atLeast: level)) ? \(text(then, atLeast: level)) : \(text(otherwise, atLeast: level))"
    case .quantified(let kind, let quantifier, let body):
      return "\(kind.rawValue) \(text(quantifier)) do \(text(body)) end"
    case .isUndefined(let operand): return "isundefined(\(text(operand)))"
    case .isMember(let operand, let type): return "ismember(\(text(operand)), \(text(type)))"
    case .call(let name, let arguments): return "\(name.text)(\(text(arguments)))"
    }
  }

  /// `.field` or `[index]`
  private static func text(_ step: StepSyntax) -> String {
    switch step {
    case .field(let name): ".\(name.text)"
    case .element(let index): "[\(text(index))]"
    }
  }

  /// `i: type` or `i := a to b [by s]`
  static func text(_ quantifier: QuantifierSyntax) -> String {
    switch quantifier.domain {
    case .type(let type): "\(quantifier.name.text): \(text(type))"
    case .bounds(let from, let to, let by):
      "\(quantifier.name.text) := \(text(from)) to \(text(to))\(by.map { " by " + text($0) } ?? "")"
    }
  }
}

extension ExpressionSyntax.Kind {
  /// How tightly the outermost operator binds.
  var precedence: Precedence {
    switch self {
    case .unary(.not, _): .negation
    case .unary(.negate, _), .unary(.plus, _): .product
    case .unary(.complement, _): .complement
    case .binary(let operation, _, _): operation.precedence
    case .chain(_, let links): links.first?.operation.precedence ?? .primary
    case .conditional: .conditional
    case .number, .designator, .quantified, .isUndefined, .isMember, .call: .primary
    }
  }
}
