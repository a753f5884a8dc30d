import Diagnostics

/// Expressions, by precedence climbing over `Precedence`.
///
/// A prefix operator may stand wherever an operand may; it takes what binds at least as tightly as itself, so `!a = b` is
/// `!(a = b)` and `a & !b = c | d` is `(a & !(b = c)) | d`.
extension Parser {
  /// Whether an expression can start here.
  var startsExpression: Bool {
    switch current.kind {
    case .identifier, .number, .keyword(.forall), .keyword(.exists), .keyword(.isundefined), .keyword(.ismember),
      .symbol(.leftParenthesis), .symbol(.not), .symbol(.minus), .symbol(.plus), .symbol(.tilde):
      true
    default: false
    }
  }

  /// Reads an expression; `?:` may not follow another one's `:` without parentheses.
  mutating func expression() throws(SyntaxAbort) -> ExpressionSyntax {
    let condition = try binary(.implication)
    guard accept(.question) else { return condition }
    try descend()
    defer { depth -= 1 }
    let then = try expression()
    try expect(.colon, after: "between the branches of `?`")
    let otherwise = try binary(.implication)
    if at(.question) {
      report(MurphiDiagnostics.notAssociative("?", at: current.range))
      throw SyntaxAbort()
    }
    return try made(.conditional(condition, then, otherwise), condition.range.union(otherwise.range))
  }

  /// Reads operands and operators that bind at least as tightly as `minimum`.
  private mutating func binary(_ minimum: Precedence) throws(SyntaxAbort) -> ExpressionSyntax {
    try descend()
    defer { depth -= 1 }
    var left = try prefixed()
    while let found = operatorHere, found.precedence >= minimum {
      left = found.isAssociative ? try chain(from: left, found.precedence) : try pair(left, found)
    }
    return left
  }

  /// Reads the operators of a level and their right operands.
  private mutating func chain(
    from first: ExpressionSyntax, _ level: Precedence
  ) throws(SyntaxAbort) -> ExpressionSyntax {
    var links: [LinkSyntax] = []
    var range = first.range
    while let found = operatorHere, found.precedence == level {
      advance()
      let operand = try binary(level.tighter)
      links.append(LinkSyntax(operation: found, operand: operand))
      range = range.union(operand.range)
    }
    return try made(.chain(first, links), range)
  }

  /// Reads an operator that may not follow itself, and its right operand.
  private mutating func pair(
    _ left: ExpressionSyntax, _ operation: BinaryOperator
  ) throws(SyntaxAbort) -> ExpressionSyntax {
    advance()
    let right = try binary(operation.precedence.tighter)
    if let next = operatorHere, next.precedence == operation.precedence {
      report(MurphiDiagnostics.notAssociative(next.rawValue, at: current.range))
      throw SyntaxAbort()
    }
    return try made(.binary(operation, left, right), left.range.union(right.range))
  }

  /// The operator between two operands that comes next.
  private var operatorHere: BinaryOperator? {
    if case .symbol(let symbol) = current.kind { return BinaryOperator(symbol) }
    return nil
  }

  /// Builds a node, unless the tree gets too high.
  private mutating func made(
    _ kind: ExpressionSyntax.Kind, _ range: SourceRange
  ) throws(SyntaxAbort) -> ExpressionSyntax {
    let node = ExpressionSyntax(kind, range: range)
    if depth + node.height > Self.nestingLimit { throw tooDeep(at: range) }
    return node
  }

  /// Reads prefix operators and what they apply to.
  private mutating func prefixed() throws(SyntaxAbort) -> ExpressionSyntax {
    guard case .symbol(let symbol) = current.kind, let found = UnaryOperator(rawValue: symbol.rawValue) else {
      return try primary()
    }
    let start = advance().range
    try descend()
    defer { depth -= 1 }
    let operand = try found == .not ? binary(.comparison) : prefixed()
    return try made(.unary(found, operand), start.union(operand.range))
  }

  /// Reads an operand without operators.
  private mutating func primary() throws(SyntaxAbort) -> ExpressionSyntax {
    switch current.kind {
    case .number(let value): return ExpressionSyntax(.number(value), range: advance().range)
    case .identifier: return try designator()
    case .symbol(.leftParenthesis): return try parenthesised()
    case .keyword(.forall): return try quantified(.forall, ender: .endforall)
    case .keyword(.exists): return try quantified(.exists, ender: .endexists)
    case .keyword(.isundefined): return try isUndefined()
    case .keyword(.ismember): return try isMember()
    default: throw unexpected("an expression")
    }
  }

  /// Reads `( e )`.
  private mutating func parenthesised() throws(SyntaxAbort) -> ExpressionSyntax {
    let start = advance().range
    let inner = try expression()
    try expect(.rightParenthesis, after: "to close the parenthesis")
    return ExpressionSyntax(parenthesised: inner, range: range(from: start))
  }

  /// Reads `forall q do e end`.
  private mutating func quantified(_ kind: QuantifierKind, ender: Keyword) throws(SyntaxAbort) -> ExpressionSyntax {
    let opener = advance()
    let quantifier = try quantifier()
    try expect(.do, after: "after the quantifier")
    let body = try expression()
    try close(opener, with: [ender])
    return try made(.quantified(kind, quantifier, body), range(from: opener.range))
  }

  /// Reads `isundefined ( d )`.
  private mutating func isUndefined() throws(SyntaxAbort) -> ExpressionSyntax {
    let start = advance().range
    try expect(.leftParenthesis, after: "after `isundefined`")
    let operand = try expression()
    try expect(.rightParenthesis, after: "after the designator")
    return try made(.isUndefined(operand), range(from: start))
  }

  /// Reads `ismember ( e , T )`.
  private mutating func isMember() throws(SyntaxAbort) -> ExpressionSyntax {
    let start = advance().range
    try expect(.leftParenthesis, after: "after `ismember`")
    let operand = try expression()
    try expect(.comma, after: "after the designator")
    let type = try type()
    try expect(.rightParenthesis, after: "after the type")
    return try made(.isMember(operand, type), range(from: start))
  }

  /// Reads a name with fields and indices after it, or a call.
  mutating func designator() throws(SyntaxAbort) -> ExpressionSyntax {
    let name = try name("a designator")
    if at(.leftParenthesis) { return try call(name) }
    var steps: [StepSyntax] = []
    while true {
      if accept(.dot) {
        steps.append(.field(try self.name("a field's name after `.`")))
      } else if accept(.leftBracket) {
        steps.append(.element(try expression()))
        try expect(.rightBracket, after: "after the index")
      } else {
        break
      }
    }
    return try made(.designator(name, steps), range(from: name.range))
  }

  /// Reads the arguments of a call; nothing may select from its result.
  private mutating func call(_ name: NameSyntax) throws(SyntaxAbort) -> ExpressionSyntax {
    advance()
    let isMultisetCall = ["multisetremovepred", "multisetcount"].contains(name.text.lowercased())
    if isMultisetCall, following.kind == .symbol(.colon) {
      advance()
      advance()
    }
    let arguments = try arguments(upTo: .rightParenthesis)
    try expect(.rightParenthesis, after: "after the arguments")
    if at(.dot) || at(.leftBracket) {
      report(MurphiDiagnostics.selectionFromCall(at: current.range))
      throw SyntaxAbort()
    }
    return try made(.call(name, arguments), range(from: name.range))
  }

  /// Reads expressions with commas; a comma at the end is legal.
  mutating func arguments(upTo closer: Punctuation) throws(SyntaxAbort) -> [ExpressionSyntax] {
    var arguments: [ExpressionSyntax] = []
    while !at(closer) {
      arguments.append(try expression())
      guard accept(.comma) else { break }
    }
    return arguments
  }
}
