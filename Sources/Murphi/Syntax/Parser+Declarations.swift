import Diagnostics

/// Sections, types and functions.
extension Parser {
  /// Reads `const`, `type` or `var` with its declarations. Requires: one of the three is next.
  mutating func section() throws(SyntaxAbort) -> SectionSyntax {
    let keyword = advance()
    let entries: SectionSyntax.Entries
    switch keyword.kind {
    case .keyword(.const): entries = .constants(try entryList { parser throws(SyntaxAbort) in try parser.binding() })
    case .keyword(.type): entries = .types(try entryList { parser throws(SyntaxAbort) in try parser.typedNames() })
    default: entries = .variables(try entryList { parser throws(SyntaxAbort) in try parser.typedNames() })
    }
    return SectionSyntax(entries: entries, range: range(from: keyword.range))
  }

  /// Reads declarations as long as a name or `:` comes; goes on after an error.
  mutating func entryList<Entry>(
    _ entry: (inout Parser) throws(SyntaxAbort) -> Entry
  ) throws(SyntaxAbort) -> [Entry] {
    var entries: [Entry] = []
    while startsEntry {
      let start = position
      do throws(SyntaxAbort) {
        entries.append(try entry(&self))
      } catch {
        skipToSeparator(from: start)
      }
      skipSemicolons()
    }
    return entries
  }

  /// Whether a declaration can start here.
  private var startsEntry: Bool {
    if case .identifier = current.kind { return true }
    return at(.colon)
  }

  /// Reads `a, b: expression`.
  private mutating func binding() throws(SyntaxAbort) -> BindingSyntax {
    let names = try nameList()
    try expect(.colon, after: "after the declared name")
    return BindingSyntax(names: names, value: try expression())
  }

  /// Reads `a, b: type`.
  private mutating func typedNames() throws(SyntaxAbort) -> TypedNamesSyntax {
    let names = try nameList()
    try expect(.colon, after: "after the declared name")
    return TypedNamesSyntax(names: names, type: try type())
  }

  /// Reads the bindings of an alias, up to `do`.
  mutating func aliasBindings() throws(SyntaxAbort) -> [BindingSyntax] {
    let bindings = try entryList { parser throws(SyntaxAbort) in try parser.binding() }
    try expect(.do, after: "after the aliases")
    return bindings
  }

  /// Reads names with commas; none and a comma at the end are legal.
  mutating func nameList() throws(SyntaxAbort) -> [NameSyntax] {
    var names: [NameSyntax] = []
    while case .identifier = current.kind {
      names.append(try name("a name"))
      guard accept(.comma) else { break }
    }
    return names
  }

  /// Reads a type.
  mutating func type() throws(SyntaxAbort) -> TypeSyntax {
    try descend()
    defer { depth -= 1 }
    let start = current.range
    let kind = try typeKind()
    return TypeSyntax(kind: kind, range: range(from: start))
  }

  /// Reads what comes by its first token.
  private mutating func typeKind() throws(SyntaxAbort) -> TypeSyntax.Kind {
    switch current.kind {
    case .keyword(.boolean):
      advance()
      return .boolean
    case .keyword(.enum): return try enumeration()
    case .keyword(.scalarset): return try scalarset()
    case .keyword(.record): return try record()
    case .keyword(.array): return try array()
    case .keyword(.union): return try union()
    case .keyword(.real):
      report(MurphiDiagnostics.realType(at: current.range))
      throw SyntaxAbort()
    case .identifier(let text) where text.lowercased() == "multiset" && following.kind == .symbol(.leftBracket):
      return try multiset()
    default: return try namedOrRange()
    }
  }

  /// Reads a type's name or `a .. b`.
  private mutating func namedOrRange() throws(SyntaxAbort) -> TypeSyntax.Kind {
    if case .identifier(let text) = current.kind, !continuesExpression(following.kind) {
      return .named(NameSyntax(text: text, range: advance().range))
    }
    guard startsExpression else { throw unexpected("a type") }
    let lower = try expression()
    try expect(.dotDot, after: "between the ends of a range")
    return .range(lower, try expression())
  }

  /// Whether a name followed by this is the start of an expression rather than a type's name.
  private func continuesExpression(_ kind: Token.Kind) -> Bool {
    guard case .symbol(let symbol) = kind else { return false }
    switch symbol {
    case .dotDot, .question, .leftParenthesis, .leftBracket, .dot: return true
    default: return BinaryOperator(symbol) != nil
    }
  }

  /// Reads `enum { … }`.
  private mutating func enumeration() throws(SyntaxAbort) -> TypeSyntax.Kind {
    advance()
    try expect(.leftBrace, after: "after `enum`")
    let members = try nameList()
    try expect(.rightBrace, after: "after the members")
    return .enumeration(members)
  }

  /// Reads `scalarset ( n )`.
  private mutating func scalarset() throws(SyntaxAbort) -> TypeSyntax.Kind {
    advance()
    try expect(.leftParenthesis, after: "after `scalarset`")
    let size = try expression()
    try expect(.rightParenthesis, after: "after the size")
    return .scalarset(size)
  }

  /// Reads `record … end`.
  private mutating func record() throws(SyntaxAbort) -> TypeSyntax.Kind {
    let opener = advance()
    let fields = try entryList { parser throws(SyntaxAbort) in try parser.typedNames() }
    try close(opener, with: [.endrecord])
    return .record(fields)
  }

  /// Reads `array [ i ] of t`.
  private mutating func array() throws(SyntaxAbort) -> TypeSyntax.Kind {
    advance()
    try expect(.leftBracket, after: "after `array`")
    let index = try type()
    try expect(.rightBracket, after: "after the index type")
    try expect(.of, after: "after the index type")
    return .array(index: index, element: try type())
  }

  /// Reads `union { … }`.
  private mutating func union() throws(SyntaxAbort) -> TypeSyntax.Kind {
    advance()
    try expect(.leftBrace, after: "after `union`")
    var members: [TypeSyntax] = []
    while !at(.rightBrace) {
      members.append(try type())
      guard accept(.comma) else { break }
    }
    try expect(.rightBrace, after: "after the members")
    return .union(members)
  }

  /// Reads CMurphi's `multiset [ n ] of t`.
  private mutating func multiset() throws(SyntaxAbort) -> TypeSyntax.Kind {
    advance()
    try expect(.leftBracket, after: "after `multiset`")
    let size = try expression()
    try expect(.rightBracket, after: "after the size")
    try expect(.of, after: "after the size")
    return .multiset(size, try type())
  }

  /// Reads a function or procedure. Requires: its keyword is next.
  mutating func function() throws(SyntaxAbort) -> FunctionSyntax {
    let keyword = advance()
    let name = try name("a name after `\(keyword.kind == .keyword(.function) ? "function" : "procedure")`")
    let head = range(from: keyword.range)
    try expect(.leftParenthesis, after: "after the name")
    var parameters: [ParameterSyntax] = []
    while !at(.rightParenthesis) {
      parameters.append(try parameter())
      skipSemicolons()
    }
    advance()
    let returnType: TypeSyntax? = accept(.colon) ? try type() : nil
    skipSemicolons()
    let locals = try sections()
    _ = accept(.begin)
    let body = try statements()
    try close(Token(kind: keyword.kind, range: head), with: [.endfunction, .endprocedure])
    return FunctionSyntax(
      name: name, parameters: parameters, returnType: returnType, locals: locals, body: body, range: head)
  }

  /// Reads `[var] a, b: type`.
  private mutating func parameter() throws(SyntaxAbort) -> ParameterSyntax {
    let passing: ParameterSyntax.Passing = accept(.var) ? .reference : .value
    var names: [NameSyntax] = []
    repeat { names.append(try name("a parameter's name or `)`")) } while accept(.comma)
    try expect(.colon, after: "after the parameter's name")
    return ParameterSyntax(passing: passing, names: names, type: try type())
  }

  /// Reads local sections as long as there are any.
  mutating func sections() throws(SyntaxAbort) -> [SectionSyntax] {
    var sections: [SectionSyntax] = []
    while at(.const) || at(.type) || at(.var) {
      sections.append(try section())
      skipSemicolons()
    }
    return sections
  }

  /// Takes `end` or one of the specific enders; reports any other with where the construct began.
  mutating func close(_ opener: Token, with enders: [Keyword]) throws(SyntaxAbort) {
    if case .keyword(let keyword) = current.kind {
      if keyword == .end || enders.contains(keyword) {
        advance()
        return
      }
      if keyword.isEnder {
        report(
          MurphiDiagnostics.wrongEnder(
            keyword.rawValue, expected: enders[0].rawValue, at: current.range, opener: opener.range))
        advance()
        return
      }
    }
    report(
      MurphiDiagnostics.notClosed(
        current.kind.description, expected: enders[0].rawValue, at: current.range, opener: opener.range))
    throw SyntaxAbort()
  }
}
