package import Diagnostics

/// Thrown inside the parser when a construct cannot be finished; the error is already recorded.
struct SyntaxAbort: Error {}

/// A recursive-descent parser of the whole language, in the reading of rumur v2022.08.20.
///
/// All syntax errors of a text are collected: a list of statements, declarations or rules catches the abort of one entry and
/// goes on after the next `;` or ender (`Parser+Recovery`). Nesting beyond `nestingLimit` ends the parse with one error,
/// so that neither this parser nor anything that walks the tree afterwards can run out of stack.
struct Parser {
  /// The greatest depth of statements and operators in each other; a chain of associative operators is one level.
  ///
  /// Measured in a debug build: the worst shape, indices in indices, needs between 2 and 8 MiB of stack at 500, and a Linux
  /// thread has 8; half of that leaves room for what walks the checked model.
  static let nestingLimit = 256

  let tokens: [Token]
  var position = 0
  var diagnostics: [Diagnostic] = []
  /// The current depth.
  var depth = 0
  /// Set by the nesting error: everything afterwards would be noise.
  var isHopeless = false
  /// The token at which the last error was reported; a second one there would be noise.
  private var lastErrorPosition = -1

  init(tokens: [Token]) {
    self.tokens = tokens
  }
}

/// Looking at tokens and taking them.
extension Parser {
  /// The next token.
  var current: Token { tokens[position] }

  /// The token after the next, or the last one.
  var following: Token { tokens[min(position + 1, tokens.count - 1)] }

  /// The range of the token before.
  var previousRange: SourceRange { tokens[max(position - 1, 0)].range }

  /// Whether the next token is this keyword.
  func at(_ keyword: Keyword) -> Bool { current.kind == .keyword(keyword) }

  /// Whether the next token is this symbol.
  func at(_ symbol: Punctuation) -> Bool { current.kind == .symbol(symbol) }

  /// Whether nothing is left.
  var isAtEnd: Bool { current.kind == .end }

  /// Takes the next token.
  @discardableResult
  mutating func advance() -> Token {
    let token = current
    if position < tokens.count - 1 { position += 1 }
    return token
  }

  /// Takes the keyword if it is next.
  mutating func accept(_ keyword: Keyword) -> Bool {
    guard at(keyword) else { return false }
    advance()
    return true
  }

  /// Takes the symbol if it is next.
  mutating func accept(_ symbol: Punctuation) -> Bool {
    guard at(symbol) else { return false }
    advance()
    return true
  }

  /// Takes the symbol or reports what stands in its place.
  @discardableResult
  mutating func expect(_ symbol: Punctuation, after context: String) throws(SyntaxAbort) -> Token {
    guard at(symbol) else { throw unexpected("`\(symbol.rawValue)` \(context)") }
    return advance()
  }

  /// Takes the keyword or reports what stands in its place.
  @discardableResult
  mutating func expect(_ keyword: Keyword, after context: String) throws(SyntaxAbort) -> Token {
    guard at(keyword) else { throw unexpected("`\(keyword.rawValue)` \(context)") }
    return advance()
  }

  /// Takes a name or reports what stands in its place.
  mutating func name(_ what: String) throws(SyntaxAbort) -> NameSyntax {
    guard case .identifier(let text) = current.kind else { throw unexpected(what) }
    return NameSyntax(text: text, range: advance().range)
  }

  /// Takes a string if one is next.
  mutating func acceptString() -> String? {
    guard case .string(let text) = current.kind else { return nil }
    advance()
    return text
  }

  /// Takes any number of semicolons.
  mutating func skipSemicolons() {
    while accept(.semicolon) {}
  }

  /// Reports the next token as not what was expected.
  mutating func unexpected(_ expected: String) -> SyntaxAbort {
    report(MurphiDiagnostics.unexpected(current.kind.description, expected: expected, at: current.range))
    return SyntaxAbort()
  }

  /// Records an error unless it only repeats the last one.
  mutating func report(_ diagnostic: Diagnostic) {
    guard !isHopeless, position != lastErrorPosition else { return }
    lastErrorPosition = position
    diagnostics.append(diagnostic)
  }

  /// Goes one level down; every call is followed by `depth -= 1`.
  mutating func descend() throws(SyntaxAbort) {
    depth += 1
    if depth > Self.nestingLimit { throw tooDeep(at: current.range) }
  }

  /// Records that the nesting is too deep, once, and ends the parse.
  mutating func tooDeep(at range: SourceRange) -> SyntaxAbort {
    report(MurphiDiagnostics.tooDeep(limit: Self.nestingLimit, at: range))
    isHopeless = true
    position = tokens.count - 1
    return SyntaxAbort()
  }

  /// From the start of a range to the last token taken.
  func range(from start: SourceRange) -> SourceRange {
    SourceRange(start: start.start, end: max(start.end, previousRange.end))
  }
}

extension SyntaxTree {
  /// Reads a model.
  ///
  /// Throws: every lexical, syntax and directive error of the text. Complexity: linear in the text.
  package static func parse(_ file: SourceFile) throws(Rejection) -> SyntaxTree {
    var lexer = Lexer(file.bytes)
    lexer.run()
    var parser = Parser(tokens: lexer.tokens)
    let nodes = parser.model()
    var errors = lexer.diagnostics + parser.diagnostics
    var directives: [DirectiveSyntax] = []
    for text in lexer.directives {
      var directiveParser = DirectiveParser(text, in: file.bytes)
      if let directive = directiveParser.parse() { directives.append(directive) }
      errors += directiveParser.diagnostics
    }
    if !errors.isEmpty {
      throw Rejection(file: file, diagnostics: errors.inTextOrder)
    }
    return SyntaxTree(file: file, nodes: nodes, directives: directives)
  }
}

extension [Diagnostic] {
  /// Sorted by place; equal places keep their order.
  var inTextOrder: [Diagnostic] {
    enumerated().sorted { ($0.element.at.start, $0.offset) < ($1.element.at.start, $1.offset) }.map(\.element)
  }
}

extension Parser {
  /// Reads all nodes.
  mutating func model() -> [NodeSyntax] {
    var nodes: [NodeSyntax] = []
    while !isAtEnd {
      let start = position
      do throws(SyntaxAbort) {
        nodes.append(try node())
      } catch {
        skipToNode(from: start)
      }
      skipSemicolons()
    }
    return nodes
  }

  /// Reads a section, function or rule.
  private mutating func node() throws(SyntaxAbort) -> NodeSyntax {
    switch current.kind {
    case .keyword(.const), .keyword(.type), .keyword(.var): return .section(try section())
    case .keyword(.function), .keyword(.procedure): return .function(try function())
    default: return .rule(try rule(orElse: "a declaration, a function or a rule"))
    }
  }
}
