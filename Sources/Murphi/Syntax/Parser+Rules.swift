import Diagnostics

/// Rules, start states, properties, rulesets and alias rules.
extension Parser {
  /// Reads one of them; `expected` says what else would have been legal here.
  mutating func rule(orElse expected: String) throws(SyntaxAbort) -> RuleSyntax {
    try descend()
    defer { depth -= 1 }
    switch current.kind {
    case .keyword(.rule): return .rule(try simpleRule())
    case .keyword(.startstate): return .startstate(try startstate())
    case .keyword(.ruleset): return try ruleset()
    case .keyword(.alias): return try aliasRule()
    case .identifier(let text) where text.lowercased() == "choose": return try choose()
    default:
      guard let category = propertyCategory else { throw unexpected(expected) }
      return .property(try property(category))
    }
  }

  /// The category of the property that starts here.
  var propertyCategory: PropertySyntax.Category? {
    guard case .keyword(let keyword) = current.kind else { return nil }
    return PropertySyntax.Category(rawValue: keyword.rawValue)
  }

  /// Reads `category "text" e` or `category e "text"`. Requires: its keyword is next.
  mutating func property(_ category: PropertySyntax.Category) throws(SyntaxAbort) -> PropertySyntax {
    let keyword = advance()
    var name = acceptString()
    let value = try expression()
    if name == nil { name = acceptString() }
    return PropertySyntax(category: category, name: name, expression: value, range: range(from: keyword.range))
  }

  /// Reads `rule ["name"] [guard ==>] [{section} begin] statements end`.
  private mutating func simpleRule() throws(SyntaxAbort) -> TransitionSyntax {
    let keyword = advance()
    let name = acceptString()
    let head = range(from: keyword.range)
    var condition: ExpressionSyntax?
    if hasGuard {
      condition = try guardExpression()
    }
    return try transition(
      name, condition, opener: Token(kind: keyword.kind, range: head), enders: [.endrule])
  }

  /// Reads a guard and the arrow; after an error goes on behind the arrow.
  private mutating func guardExpression() throws(SyntaxAbort) -> ExpressionSyntax? {
    do throws(SyntaxAbort) {
      let value = try expression()
      try expect(.arrow, after: "after the guard")
      return value
    } catch {
      while !at(.arrow), !isAtEnd { advance() }
      try expect(.arrow, after: "after the guard")
      return nil
    }
  }

  /// Whether a guard stands here, found by looking for its arrow: `rule a & b ==>` and `rule a := 1; end` start alike.
  ///
  /// Before the arrow there can be no `:=`, `;`, ender or statement keyword but inside quantifiers.
  private var hasGuard: Bool {
    var ahead = position
    var nesting = 0
    while true {
      switch tokens[ahead].kind {
      case .symbol(.arrow): return true
      case .end, .keyword(.begin): return false
      case .symbol(.assign) where nesting == 0, .symbol(.semicolon) where nesting == 0: return false
      case .keyword(.forall), .keyword(.exists): nesting += 1
      case .keyword(let keyword) where keyword.isEnder:
        if nesting == 0 { return false }
        nesting -= 1
      case .keyword(let keyword) where keyword.cannotStandInExpression: return false
      default: break
      }
      ahead += 1
    }
  }

  /// Reads `startstate ["name"] [{section} begin] statements end`.
  private mutating func startstate() throws(SyntaxAbort) -> TransitionSyntax {
    let keyword = advance()
    let name = acceptString()
    let head = range(from: keyword.range)
    return try transition(name, nil, opener: Token(kind: keyword.kind, range: head), enders: [.endstartstate])
  }

  /// Reads `[{section} begin] statements end`.
  private mutating func transition(
    _ name: String?, _ condition: ExpressionSyntax?, opener: Token, enders: [Keyword]
  ) throws(SyntaxAbort) -> TransitionSyntax {
    let locals = try sections()
    if locals.isEmpty {
      _ = accept(.begin)
    } else {
      try expect(.begin, after: "after the local declarations")
    }
    let body = try statements()
    try close(opener, with: enders)
    return TransitionSyntax(
      name: name, guardExpression: condition, locals: locals, body: body, range: opener.range)
  }

  /// Reads `ruleset q {; q} do rules end`.
  private mutating func ruleset() throws(SyntaxAbort) -> RuleSyntax {
    let keyword = advance()
    var quantifiers: [QuantifierSyntax] = []
    do throws(SyntaxAbort) {
      quantifiers.append(try quantifier())
      while at(.semicolon) {
        skipSemicolons()
        quantifiers.append(try quantifier())
      }
      try expect(.do, after: "after the quantifiers")
    } catch {
      try skipHead()
    }
    let rules = try rules(of: keyword, ender: .endruleset)
    return .ruleset(quantifiers, rules, keyword.range)
  }

  /// Skips to just after a `do`, unless something else starts before.
  private mutating func skipHead() throws(SyntaxAbort) {
    while !accept(.do) {
      if case .keyword(let keyword) = current.kind, keyword.startsNode { throw SyntaxAbort() }
      if isAtEnd { throw SyntaxAbort() }
      advance()
    }
  }

  /// Reads `alias bindings do rules end`.
  private mutating func aliasRule() throws(SyntaxAbort) -> RuleSyntax {
    let keyword = advance()
    let bindings = try aliasBindings()
    return .alias(bindings, try rules(of: keyword, ender: .endalias), keyword.range)
  }

  /// Reads CMurphi's `choose i: multiset do rules end`.
  private mutating func choose() throws(SyntaxAbort) -> RuleSyntax {
    let keyword = advance()
    let name = try name("the name of an index")
    try expect(.colon, after: "after the name")
    let multiset = try expression()
    try expect(.do, after: "after the multiset")
    if case .identifier(let text) = current.kind, text.lowercased() == "endchoose" { advance() }
    return .choose(name, multiset, try rules(of: keyword, ender: .endruleset), keyword.range)
  }

  /// Reads rules up to the ender; goes on after an error.
  private mutating func rules(of opener: Token, ender: Keyword) throws(SyntaxAbort) -> [RuleSyntax] {
    var rules: [RuleSyntax] = []
    while !isAtEnd, !isEnderNext {
      let start = position
      do throws(SyntaxAbort) {
        rules.append(try rule(orElse: "a rule or `end`"))
      } catch {
        skipToNode(from: start)
      }
      skipSemicolons()
    }
    try close(opener, with: [ender])
    return rules
  }

  /// Whether an ender comes.
  private var isEnderNext: Bool {
    if case .keyword(let keyword) = current.kind { return keyword.isEnder }
    return false
  }

  /// Reads `i: type` or `i := a to b [by s]`.
  mutating func quantifier() throws(SyntaxAbort) -> QuantifierSyntax {
    let name = try name("the name of a quantifier")
    if accept(.assign) {
      let from = try expression()
      try expect(.to, after: "after the first bound")
      let to = try expression()
      let by: ExpressionSyntax? = accept(.by) ? try expression() : nil
      return QuantifierSyntax(
        name: name, domain: .bounds(from: from, to: to, by: by), range: range(from: name.range))
    }
    guard accept(.colon) else { throw unexpected("`:` or `:=` after the quantifier's name") }
    let type = try type()
    return QuantifierSyntax(name: name, domain: .type(type), range: range(from: name.range))
  }
}

extension Keyword {
  /// Whether a guard cannot go on across it.
  fileprivate var cannotStandInExpression: Bool {
    switch self {
    case .forall, .exists, .do, .to, .by, .isundefined, .ismember, .array, .of, .record, .enum, .scalarset, .boolean,
      .union, .real:
      false
    default: true
    }
  }
}
