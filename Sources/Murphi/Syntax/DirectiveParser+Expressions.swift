import Diagnostics

/// Directives that contain Murphi expressions.
extension DirectiveParser {
  /// `NAME arg=EXPR … [returns STATUS{|STATUS}] {; NAME …}`
  mutating func operations() throws(SyntaxAbort) -> [OperationSyntax] {
    var operations: [OperationSyntax] = []
    repeat { operations.append(try operation()) } while scanner.accept(";")
    return operations
  }

  /// One operation.
  private mutating func operation() throws(SyntaxAbort) -> OperationSyntax {
    guard let name = scanner.word({ $0.isNameByte || $0 == UInt8(ascii: ".") }) else {
      throw malformed("an operation's name")
    }
    var arguments: [(name: String, value: ExpressionSyntax)] = []
    while !scanner.isAtEnd(), !isAt(";") {
      let before = scanner
      if scanner.acceptWord("returns"), !isAt("=") {
        return OperationSyntax(name: name, arguments: arguments, statuses: try statuses())
      }
      scanner = before
      guard let argument = scanner.word(\.isNameByte), isAt("=") else {
        scanner = before
        throw malformed("an argument NAME=EXPR, `returns` or `;`")
      }
      try expect("=")
      guard let range = scanner.group(stoppingAt: UInt8(ascii: ";")) else {
        throw malformed("an expression after `=`")
      }
      arguments.append((argument.text, try expression(in: range)))
    }
    return OperationSyntax(name: name, arguments: arguments, statuses: [])
  }

  /// `STATUS{|STATUS}`
  private mutating func statuses() throws(SyntaxAbort) -> [String] {
    var statuses: [String] = []
    repeat {
      guard let status = scanner.word(\.isOperationByte) else { throw malformed("a status") }
      statuses.append(status.text)
    } while scanner.accept("|")
    return statuses
  }

  /// Whether the text comes next, without taking it or skipping blanks.
  private func isAt(_ text: String) -> Bool {
    scanner.offset < scanner.bytes.count && scanner.bytes[scanner.offset...].starts(with: text.utf8)
  }

  /// `NAME[i: TYPE {, j: TYPE}]=EXPR`; the expression is the rest of the directive.
  mutating func observable() throws(SyntaxAbort) -> DirectiveSyntax.Kind {
    guard let name = scanner.word({ $0.isNameByte || $0 == UInt8(ascii: ".") }) else {
      throw malformed("an observable's name")
    }
    var parser = parser(over: SourceRange(start: scanner.offset, end: scanner.bytes.count))
    defer { diagnostics += parser.diagnostics }
    var indices: [QuantifierSyntax] = []
    if parser.accept(.leftBracket) {
      repeat { indices.append(try parser.quantifier()) } while parser.accept(.comma)
      try parser.expect(.rightBracket, after: "after the indices")
    }
    try parser.expect(.equal, after: "after the observable's name")
    let value = try parser.whole()
    _ = scanner.rest()
    return .observable(name, indices, value)
  }

  /// Reads a part of the directive as one expression.
  private mutating func expression(in range: SourceRange) throws(SyntaxAbort) -> ExpressionSyntax {
    var parser = parser(over: range)
    defer { diagnostics += parser.diagnostics }
    return try parser.whole()
  }

  /// A parser of a part of the directive.
  private mutating func parser(over range: SourceRange) -> Parser {
    var lexer = Lexer(scanner.bytes, from: range.start, to: range.end)
    lexer.run()
    diagnostics += lexer.diagnostics
    return Parser(tokens: lexer.tokens)
  }
}

extension Parser {
  /// Reads an expression after which nothing follows.
  fileprivate mutating func whole() throws(SyntaxAbort) -> ExpressionSyntax {
    let value = try expression()
    guard isAtEnd else { throw unexpected("the end of the expression") }
    return value
  }
}
