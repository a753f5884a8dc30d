import Diagnostics

/// Statements.
extension Parser {
  /// Reads statements with `;` between them, up to an ender, `else`, `elsif` or `case`; goes on after an error.
  mutating func statements() throws(SyntaxAbort) -> [StatementSyntax] {
    var statements: [StatementSyntax] = []
    while !isAtEnd, !isAtStatementsEnd {
      let start = position
      do throws(SyntaxAbort) {
        statements.append(try statement())
        guard at(.semicolon) || isAtStatementsEnd || isAtEnd else {
          throw unexpected("`;` or `end` after the statement")
        }
      } catch {
        skipToSeparator(from: start)
        if !at(.semicolon), !isAtStatementsEnd { throw error }
      }
      skipSemicolons()
    }
    return statements
  }

  /// Whether a list of statements is over.
  private var isAtStatementsEnd: Bool {
    if case .keyword(let keyword) = current.kind { return keyword.endsStatements }
    return false
  }

  /// Reads a statement.
  private mutating func statement() throws(SyntaxAbort) -> StatementSyntax {
    try descend()
    defer { depth -= 1 }
    let start = current.range
    let kind = try statementKind()
    return StatementSyntax(kind: kind, range: range(from: start))
  }

  /// Reads what comes by its first token.
  private mutating func statementKind() throws(SyntaxAbort) -> StatementSyntax.Kind {
    switch current.kind {
    case .keyword(.if): return try ifStatement()
    case .keyword(.switch): return try switchStatement()
    case .keyword(.for): return try forStatement()
    case .keyword(.while): return try whileStatement()
    case .keyword(.alias): return try aliasStatement()
    case .keyword(.return): return try returnStatement()
    case .keyword(.error): return try errorStatement()
    case .keyword(.put): return try putStatement()
    case .keyword(.clear):
      advance()
      return .clear(try designator())
    case .keyword(.undefine):
      advance()
      return .undefine(try designator())
    case .identifier: return try assignmentOrCall()
    default:
      guard let category = propertyCategory else { throw unexpected("a statement") }
      return .property(try property(category))
    }
  }

  /// Reads `place := value` or `name(arguments)`.
  private mutating func assignmentOrCall() throws(SyntaxAbort) -> StatementSyntax.Kind {
    let target = try designator()
    if case .call(let name, let arguments) = target.kind { return .call(name, arguments) }
    guard accept(.assign) else { throw unexpected("`:=` after the designator") }
    return .assign(target, try expression())
  }

  /// Reads `if … then … elsif … else … end`.
  private mutating func ifStatement() throws(SyntaxAbort) -> StatementSyntax.Kind {
    let opener = advance()
    var branches: [BranchSyntax] = []
    repeat {
      let condition = try expression(before: .then, of: "after the condition")
      let body = try statements()
      if let condition { branches.append(BranchSyntax(condition: condition, body: body)) }
    } while accept(.elsif)
    let otherwise = accept(.else) ? try statements() : []
    try close(opener, with: [.endif])
    return .ifThen(branches, otherwise: otherwise)
  }

  /// Reads `switch … case …: … else … end`.
  private mutating func switchStatement() throws(SyntaxAbort) -> StatementSyntax.Kind {
    let opener = advance()
    let subject = try expression()
    var cases: [CaseSyntax] = []
    while accept(.case) {
      let values = try arguments(upTo: .colon)
      try expect(.colon, after: "after the values")
      cases.append(CaseSyntax(values: values, body: try statements()))
    }
    let otherwise = accept(.else) ? try statements() : []
    try close(opener, with: [.endswitch])
    return .switchOn(subject, cases, otherwise: otherwise)
  }

  /// Reads `for q do … end`.
  private mutating func forStatement() throws(SyntaxAbort) -> StatementSyntax.Kind {
    let opener = advance()
    var found: QuantifierSyntax?
    do throws(SyntaxAbort) {
      let quantifier = try quantifier()
      try expect(.do, after: "after the quantifier")
      found = quantifier
    } catch {
      try skip(to: .do)
    }
    let body = try statements()
    try close(opener, with: [.endfor])
    guard let found else { return .ifThen([], otherwise: body) }
    return .forEach(found, body)
  }

  /// Reads `while … do … end`.
  private mutating func whileStatement() throws(SyntaxAbort) -> StatementSyntax.Kind {
    let opener = advance()
    let condition = try expression(before: .do, of: "after the condition")
    let body = try statements()
    try close(opener, with: [.endwhile])
    guard let condition else { return .ifThen([], otherwise: body) }
    return .whileTrue(condition, body)
  }

  /// Reads `alias bindings do … end`.
  private mutating func aliasStatement() throws(SyntaxAbort) -> StatementSyntax.Kind {
    let opener = advance()
    let bindings = try aliasBindings()
    let body = try statements()
    try close(opener, with: [.endalias])
    return .aliasing(bindings, body)
  }

  /// Reads `return [e]`.
  private mutating func returnStatement() throws(SyntaxAbort) -> StatementSyntax.Kind {
    advance()
    return .returning(startsExpression ? try expression() : nil)
  }

  /// Reads `error "text"`.
  private mutating func errorStatement() throws(SyntaxAbort) -> StatementSyntax.Kind {
    advance()
    guard let text = acceptString() else { throw unexpected("a string after `error`") }
    return .error(text)
  }

  /// Reads `put "text"` or `put e`.
  private mutating func putStatement() throws(SyntaxAbort) -> StatementSyntax.Kind {
    advance()
    if let text = acceptString() { return .putText(text) }
    return .put(try expression())
  }
}
