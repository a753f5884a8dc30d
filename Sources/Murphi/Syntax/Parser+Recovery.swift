import Diagnostics

/// Where parsing goes on after an error.
extension Parser {
  /// Skips to where a node can start; always makes progress past `start`.
  mutating func skipToNode(from start: Int) {
    if position == start { advance() }
    while !isAtEnd {
      if case .keyword(let keyword) = current.kind, keyword.startsNode { return }
      advance()
    }
  }

  /// Skips to the `;` or ender that closes the statement or declaration at fault, which began at `start`.
  ///
  /// What it opened before the error counts, so that its own `end` is not taken for the surrounding one's.
  mutating func skipToSeparator(from start: Int) {
    if isHopeless { return }
    var nesting = max(0, tokens[start..<position].reduce(0) { $0 + $1.nestingChange })
    if position == start, !at(.semicolon), !isEnderHere { advance() }
    while !isAtEnd {
      if nesting == 0, at(.semicolon) { return }
      if case .keyword(let keyword) = current.kind {
        if keyword.startsNode { return }
        if nesting == 0, keyword.endsStatements { return }
      }
      nesting += current.nestingChange
      advance()
    }
  }

  /// Whether the next token closes a block.
  private var isEnderHere: Bool {
    if case .keyword(let keyword) = current.kind { return keyword.isEnder }
    return false
  }

  /// Reads an expression that a keyword must follow; after an error goes on at that keyword if it stands before the next `;`.
  mutating func expression(before keyword: Keyword, of construct: String) throws(SyntaxAbort) -> ExpressionSyntax? {
    do throws(SyntaxAbort) {
      let value = try expression()
      try expect(keyword, after: construct)
      return value
    } catch {
      try skip(to: keyword)
      return nil
    }
  }

  /// Skips to just after the keyword if it stands before the next separator; otherwise gives up.
  mutating func skip(to keyword: Keyword) throws(SyntaxAbort) {
    var ahead = position
    while ahead < tokens.count - 1 {
      switch tokens[ahead].kind {
      case .keyword(keyword):
        position = ahead + 1
        return
      case .symbol(.semicolon): throw SyntaxAbort()
      case .keyword(let other) where other.startsNode || other.isEnder: throw SyntaxAbort()
      default: ahead += 1
      }
    }
    throw SyntaxAbort()
  }
}

extension Token {
  /// By how much it changes the depth inside a body.
  fileprivate var nestingChange: Int {
    guard case .keyword(let keyword) = kind else { return 0 }
    return keyword.opensBlock ? 1 : keyword.isEnder ? -1 : 0
  }
}

extension Keyword {
  /// Whether an `end` belongs to it inside a body.
  fileprivate var opensBlock: Bool {
    switch self {
    case .if, .for, .while, .switch, .alias, .forall, .exists, .record: true
    default: false
    }
  }
}
